"""Real radiographs that were measured by the real command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from db.records import Result
from radiograph.reading.source import source_dataset
from results.objects.findings import Findings
from testbed.commands import Commands

LARGEST = 256 << 20


@dataclass(frozen=True, slots=True)
class Measured:
    """A DICOM file that was measured."""

    path: Path
    findings: Findings
    source: Dataset


@dataclass(frozen=True, slots=True)
class RealArchive:
    """The real files that are chests, and the faulty ones that are measured."""

    commands: Commands
    files: tuple[Measured, ...]


def measured(result: Result) -> Measured:
    path = Path(result.path)
    source = source_dataset(path.read_bytes(), LARGEST)
    return Measured(path, Findings.of(result), source)
