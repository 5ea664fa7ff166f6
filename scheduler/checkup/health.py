"""The health of this host's processes, as they last noted it; no broker or database is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from scheduler.pulse import PulseKind, read_beats
from scheduler.settings import Settings


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a process goes on. ``name``: None where no process of the kind runs on this host.

    ``fault``: what is wrong with it; None where nothing is.
    """

    kind: PulseKind
    name: str | None
    fault: str | None


def read_health(settings: Settings, kinds: Collection[PulseKind] = ()) -> list[Health]:
    """Return the health of the host's processes, and of each of ``kinds`` that does not run.

    ``kinds``: those that have to run; every process that does where empty.
    """
    beats = [each for each in read_beats(settings) if not kinds or each.kind in kinds]
    found = [Health(each.kind, each.name, each.fault) for each in beats]
    running = {each.kind for each in beats}
    return found + [Health(each, None, "does not run") for each in kinds if each not in running]


def is_sound(found: Sequence[Health]) -> bool:
    """Return whether every process goes on; a host on which nothing runs is not sound."""
    return bool(found) and all(each.fault is None for each in found)
