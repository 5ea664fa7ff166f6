"""Notes below listings: results that follow other settings, and results that lack measures."""

from __future__ import annotations

from collections.abc import Iterable

from cli.output.printing import say
from db.derivation_records import IctCount
from db.gaps import Gap
from radiograph.records import IctThresholds
from results.judgements import gap_lines, outdated_line


def say_outdated(
    judged: Iterable[IctCount], lines: IctThresholds, batch: str | None = None
) -> None:
    """Print on standard error how many results, of a batch or of all, follow other settings."""
    if (line := outdated_line(judged, lines, batch)) is not None:
        say(line, err=True)


def say_gaps(found: Iterable[Gap]) -> None:
    """Print on standard error how many results, of all batches, lack which measures."""
    for line in gap_lines(found):
        say(line, err=True)
