"""Fixtures: reading bytes under a file name, and the real files where present."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from radiograph.image import Radiograph
from radiograph.reading import ReadLimits, read
from testbed.dicom_files import LIMITS


@pytest.fixture
def reading(tmp_path: Path) -> Callable[..., Radiograph]:
    """Return a function that writes bytes to a file and reads it."""

    def read_bytes(data: bytes, name: str = "image.dcm", limits: ReadLimits = LIMITS) -> Radiograph:
        path = tmp_path / name
        path.write_bytes(data)
        return read(path, limits)

    return read_bytes


@pytest.fixture(scope="session")
def real_dicom() -> Path:
    """Return the folder of real DICOM files."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "dicom"
    if not folder.is_dir():
        pytest.skip("the real DICOM files of ../shared/data are not on this machine")
    return folder
