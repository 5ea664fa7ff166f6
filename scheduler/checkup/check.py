"""A check: one thing that was looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

#: How an error sends to the checkup, and what to do afterwards.
_NAMES_DOCTOR = re.compile(
    r"[;,] (see `thoraq doctor`(, then run the same command again)?"
    r"|and `thoraq doctor` checks it)"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    ``ok``: None where it cannot be told from here. ``repair``: the command that repairs it where
    it fails.
    """

    name: str
    ok: bool | None
    found: str
    repair: str | None = None


def without_doctor(check: Check) -> Check:
    """Return a check whose text does not name `thoraq doctor`, which has just been run."""
    return replace(check, found=_NAMES_DOCTOR.sub("", check.found))
