"""Checks of a requested training run before it is queued."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

from db.database import Database
from db.errors import RunNameTaken
from db.models import find_model, list_models
from db.training.records import NewRun
from db.training.runs import list_runs
from scheduler.names import is_shipped_name, readable
from scheduler.networks import card_of, check_version
from scheduler.settings import Settings
from training.dataset.layouts import usable_radiographs
from training.errors import PlanInvalid, SplitEmpty
from training.plan import Plan

#: Distance of the seeds of runs requested together; the phases of a plan use consecutive seeds.
SEEDS_APART = 1000
#: Splits that a run needs: for fitting and for selection.
NEEDED_SPLITS = ("train", "val")


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights to start from, or of a teacher; ``version``: their registered model."""

    path: Path
    version: str | None = None


def plan_of(file: Path | None, *, faithful: bool, phases: str | None, scale: float | None) -> Plan:
    """Return the requested phases of a plan, scaled by ``scale``. Raises PlanInvalid."""
    try:
        if faithful:
            plan = Plan.faithful()
        else:
            plan = Plan.four_phases() if file is None else Plan.read(file)
        plan = plan if phases is None else plan.only(phases)
        return plan if scale is None else plan.scaled(scale)
    except (OSError, ValueError, TypeError) as exc:
        of = "the plan" if file is None else file
        raise PlanInvalid.because(f"{of}: {exc}") from exc


def new_runs(
    database: Database,
    settings: Settings,
    plan: Plan,
    data: Path,
    *,
    name: str | None = None,
    start: str | None = None,
    teachers: Sequence[str] = (),
    seeds: int = 1,
) -> list[NewRun]:
    """Return the runs of a plan, one per seed, to be queued.

    ``data``: absolute; ``name``: from the folder where None; ``start`` and ``teachers``: versions
    or weights files. Raises ModelUnknown, NetworkError, RunNameTaken, VersionReserved.
    """
    origin = None if start is None else weights_of(start, database, settings)
    taught = [weights_of(each, database, settings) for each in teachers]
    names = run_names(database, name, data, seeds)
    return [
        NewRun(
            name=each,
            data=str(data),
            plan=reseeded.as_mapping(),
            start=None if origin is None else str(origin.path),
            teachers=tuple(str(teacher.path) for teacher in taught),
            parent=None if origin is None else origin.version,
        )
        for each, reseeded in zip(names, seeded_plans(plan, seeds), strict=True)
    ]


def seeded_plans(plan: Plan, seeds: int) -> list[Plan]:
    """Return one plan per seed."""
    return [replace(plan, seed=plan.seed + SEEDS_APART * number) for number in range(seeds)]


def count_radiographs(data: Path) -> Counter[str]:
    """Count radiographs per split. Raises DataMissing, DatasetInvalid, SplitEmpty."""
    counts = Counter(each.split for each in usable_radiographs(data))
    for split in NEEDED_SPLITS:
        if not counts[split]:
            raise SplitEmpty.because(f"no radiograph in the split {split} of {data}")
    return counts


def weights_of(name: str, database: Database, settings: Settings) -> Weights:
    """Return the weights of a model version or of a file. Raises ModelUnknown, NetworkError."""
    path = Path(name)
    if path.is_file():
        return Weights(path.absolute())
    version = find_model(database, name).version
    return Weights(card_of(version, settings).weights_path.absolute(), version)


def run_names(database: Database, name: str | None, data: Path, seeds: int) -> list[str]:
    """Return the names of ``seeds`` runs, which become the versions of their models.

    Raises RunNameTaken, VersionReserved.
    """
    taken = {run.name for run in list_runs(database)}
    taken |= {model.version for model in list_models(database)}
    if name is not None:
        names = [check_version(each) for each in seeded(name, seeds)]
        for each in names:
            if each in taken:
                raise RunNameTaken.because(f"{each} is taken")
        return names
    return free_names(readable(data.name)[:30] or "run", seeds, taken)


def free_names(base: str, seeds: int, taken: AbstractSet[str]) -> list[str]:
    """Return the first of ``base``-1, ``base``-2 ... of which no name is taken, per seed."""
    base = "run" if is_shipped_name(f"{base}-1") else base
    roots = {re.sub(r"-s\d+$", "", name) for name in taken}
    number = next(each for each in itertools.count(1) if f"{base}-{each}" not in taken | roots)
    return seeded(f"{base}-{number}", seeds)


def seeded(name: str, seeds: int) -> list[str]:
    """Return the name itself, or one name per seed."""
    return [name] if seeds == 1 else [f"{name}-s{number + 1}" for number in range(seeds)]
