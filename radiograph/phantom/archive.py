"""Writing a demonstration archive with the expected outcome of each file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from radiograph.errors import Disposition
from radiograph.landmarks import Landmark
from radiograph.phantom.cases import Case, draw_cases
from radiograph.phantom.oddities import Oddity, draw_oddities

#: Files copied byte for byte under another name.
DUPLICATES = 5
#: Smallest count with which every storage and every oddity occurs.
SMALLEST_COUNT = 40


class Ending(StrEnum):
    """Expected outcome of a file."""

    MEASURED = "measured"
    SET_ASIDE = "set_aside"
    FAILED = "failed"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class FileTruth:
    """Ground truth of one file.

    ``path``: relative to the archive, forward slashes. ``code``: the expected error code.
    ``duplicate_of``: the path it is a copy of. ``points``: nineteen ``(x, y)`` in pixels of
    the file as stored, ordered as ``Landmark``. ``spacing_mm``: true distance of pixel centres,
    whether or not it is in the header.
    """

    path: str
    ending: Ending
    code: str | None = None
    duplicate_of: str | None = None
    ict: float | None = None
    points: tuple[tuple[float, float], ...] | None = None
    spacing_mm: float | None = None


@dataclass(frozen=True, slots=True)
class ArchiveTruth:
    """Ground truth of every file of an archive; ``table`` is the same as CSV."""

    folder: Path
    table: Path
    files: tuple[FileTruth, ...]

    @property
    def counts(self) -> dict[Ending, int]:
        """Return the number of files per outcome."""
        found = Counter(file.ending for file in self.files)
        return {ending: found[ending] for ending in Ending}

    @property
    def codes(self) -> dict[str, int]:
        """Return the number of files per error code."""
        return dict(Counter(file.code for file in self.files if file.code is not None))

    @property
    def measured(self) -> tuple[FileTruth, ...]:
        """Return the files expected to be measured."""
        return tuple(file for file in self.files if file.ending is Ending.MEASURED)


def write_archive(
    folder: Path,
    count: int = 200,
    seed: int = 42,
    progress: Callable[[int, int], None] | None = None,
) -> ArchiveTruth:
    """Write an archive of ``count`` files into ``folder`` and ``truth.csv`` beside it.

    The same seed and count give the same bytes. ``progress`` is called with (written, count).

    Raises:
        ValueError: ``count`` is below ``SMALLEST_COUNT``.
        FileExistsError: ``folder`` contains files that are not of this archive.

    """
    if count < SMALLEST_COUNT:
        raise ValueError(f"an archive of every kind needs {SMALLEST_COUNT} files; ask for more")
    oddities = draw_oddities(seed)
    cases = draw_cases(count - len(oddities) - DUPLICATES, seed)
    truths = list(_truths(cases, oddities))
    _refuse_strangers(folder, {truth.path for truth in truths})
    items: list[Case | Oddity] = [*cases, *oddities]
    for written, item in enumerate(items, start=1):
        _write(folder / item.path, item.encode())
        if progress is not None:
            progress(written, count)
    for written, truth in enumerate(truths, start=1):
        if truth.duplicate_of is not None:
            _write(folder / truth.path, (folder / truth.duplicate_of).read_bytes())
            if progress is not None:
                progress(written, count)
    table = folder.parent / "truth.csv"
    _write_table(table, truths)
    return ArchiveTruth(folder, table, tuple(truths))


def _truths(cases: list[Case], oddities: list[Oddity]) -> Iterator[FileTruth]:
    """Yield the truth of frontal radiographs, then of oddities, then of duplicates."""
    for case in cases:
        yield FileTruth(
            case.path,
            Ending.MEASURED,
            ict=case.anatomy.ict,
            points=tuple((float(x), float(y)) for x, y in case.points()),
            spacing_mm=case.spacing_mm,
        )
    for oddity in oddities:
        aside = oddity.error.disposition is Disposition.SET_ASIDE
        yield FileTruth(
            oddity.path, Ending.SET_ASIDE if aside else Ending.FAILED, code=oddity.error.code
        )
    for copy in range(DUPLICATES):
        original = cases[copy * 3].path
        # The folder sorts last, so that the original is read first.
        name = f"copies/copy-{copy + 1}{Path(original).suffix}"
        yield FileTruth(name, Ending.DUPLICATE, duplicate_of=original)


def _refuse_strangers(folder: Path, expected: set[str]) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in expected:
            raise FileExistsError(
                f"{folder} holds {path.name}, which is not of this archive; name another folder"
            )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_table(path: Path, truths: list[FileTruth]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        axes = [f"{axis}_{point.name.lower()}" for point in Landmark for axis in "xy"]
        table.writerow(["path", "ending", "code", "duplicate_of", "ict", "spacing_mm", *axes])
        for truth in truths:
            ict = "" if truth.ict is None else f"{truth.ict:.5f}"
            spacing = "" if truth.spacing_mm is None else f"{truth.spacing_mm:.5f}"
            flat = [f"{value:.2f}" for point in truth.points or () for value in point]
            table.writerow(
                [truth.path, truth.ending, truth.code, truth.duplicate_of, ict, spacing, *flat]
            )
