"""Plans as run files, valid and invalid."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from training.plan import RUNS_FOLDER, GeometryRanges, LossWeights, Phase, Plan, PointLoss


@pytest.mark.parametrize("path", sorted(RUNS_FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_run_file_is_a_plan_that_round_trips(path: Path) -> None:
    plan = Plan.read(path)
    assert Plan.from_mapping(plan.as_mapping()) == plan


def test_the_four_phases_follow_a_baseline() -> None:
    plan = Plan.four_phases()
    assert [phase.number for phase in plan.phases] == [0, 0, 1, 2, 3, 4]
    squared, wing = PointLoss.SQUARED, PointLoss.WING
    assert [phase.points for phase in plan.phases] == [squared, squared, wing, wing, wing, wing]
    assert [phase.attention for phase in plan.phases].index(True) == 3
    complete = plan.phases[-1].weights
    assert (complete.symmetry, complete.distances) == (0.3, 0.2)


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        ("4", ["complete"]),
        ("0", ["baseline head", "baseline"]),
        ("1,3-4", ["wing", "symmetry", "complete"]),
    ],
)
def test_phases_are_chosen_by_number(numbers: str, names: list[str]) -> None:
    assert [phase.name for phase in Plan.four_phases().only(numbers).phases] == names


@pytest.mark.parametrize("numbers", ["7", "one", "1-", "-"])
def test_unknown_phases_are_refused(numbers: str) -> None:
    with pytest.raises(ValueError, match="phase"):
        Plan.four_phases().only(numbers)


@pytest.mark.parametrize(
    ("table", "printed"),
    [
        ({"phases": [{"name": "a", "steps": 1}], "learnign_rate": 1.0}, "learnign_rate"),
        ({"phases": [{"name": "a", "steps": 1, "losses": {}}]}, "losses"),
        ({"phases": [{"name": "a"}]}, "steps"),
        ({"phases": [{"name": "a", "steps": 1, "points": "round"}]}, "round"),
        ({"phases": [{"name": "a", "steps": 1}, {"name": "a", "steps": 1}]}, "names"),
        ({"phases": []}, "at least one phase"),
        ({}, "phases"),
    ],
)
def test_an_invalid_plan_is_refused_with_the_hyper_parameter(
    table: dict[str, object], printed: str
) -> None:
    with pytest.raises(ValueError, match=printed):
        Plan.from_mapping(table)


def test_reading_a_plan_loads_no_torch() -> None:
    code = "import sys, training.plan as p; p.Plan.four_phases(); print('torch' in sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "False"


@pytest.mark.parametrize(
    "value", ["inf", "-inf", "nan", "-1", "1e300", "9" * 23, "true", '"many"', "[]"]
)
@pytest.mark.parametrize("made", [Plan, Phase, LossWeights, GeometryRanges])
def test_unusable_numbers_are_refused_for_every_hyper_parameter(
    made: type[Any], value: str
) -> None:
    heading = {Phase: "[[phases]]", LossWeights: "[phases.weights]", GeometryRanges: "[geometry]"}
    for each in fields(made):
        kind = str(each.type)
        if not kind.startswith(("int", "float", "tuple[float")):
            continue
        given = f"[{value}, 0.0]" if kind.startswith("tuple") else value
        lines = ['[[phases]]\nname = "one"', "steps = 1" if each.name != "steps" else ""]
        wrong = f"{each.name} = {given}"
        if made is Plan:
            lines.insert(0, wrong)
        elif made is Phase:
            lines.append(wrong)
        else:
            lines.append(f"{heading[made]}\n{wrong}")
        with pytest.raises(ValueError, match=f"{each.name} is a (whole )?number from 0 to"):
            Plan.from_mapping(tomllib.loads("\n".join(lines)))


def test_a_huge_phase_number_is_looked_up_at_once() -> None:
    assert Plan.four_phases().only(f"1-{'9' * 23}").phases
