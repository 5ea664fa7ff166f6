"""Decoding at reduced size gives the same points, spreads, index and millimetres."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit

from db.records import ClaimedJob
from network.card import shipped_card
from network.predictor_choice import load_predictor
from network.runtime import Runtime
from radiograph.phantom.cases import Plain, draw_cases
from radiograph.phantom.encoding import Storage
from radiograph.records import ERROR_FRAME_PX, ImageFormat, Measurement
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings
from worker.file_measurement import Circumstances, FileMeasurement
from worker.limits import read_limits
from worker.loaded_network import LoadedNetwork
from worker.readers.pool import Readers
from worker.readers.wire import ReadFile

#: Largest mean differences by decoding at reduced size, as measured on real radiographs.
MOST_MOVED_PX224, MOST_OF_ICT = 0.1, 0.001

STORAGES: dict[str, Storage | Plain] = {
    "lossless": Storage(JPEG2000Lossless, inverse=True, bits=14, window=True, spacing="pixel"),
    "mirrored": Storage(JPEG2000Lossless, mirrored=True),
    "lossy": Storage(JPEG2000),
    "baseline": Storage(JPEGBaseline8Bit, bits=8),
    "jpeg-exif": "jpeg-exif",
}


@pytest.fixture(scope="module")
def network() -> LoadedNetwork:
    return LoadedNetwork(load_predictor(shipped_card(), "cpu", runtime=Runtime.TORCH), 4)


def measured(
    settings: Settings, network: LoadedNetwork, path: Path
) -> tuple[ReadFile, Measurement]:
    """Read in a reading process and measure, as a worker does with these settings."""
    job = ClaimedJob(
        job_id=1,
        radiograph_id=1,
        paths=(str(path),),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        format=ImageFormat.DICOM,
        attempt=1,
    )
    readers = Readers(1, read_limits(settings), timeout_seconds=60, memory_mb=4096)
    try:
        [(_, read_file)] = readers.read([job])
        assert isinstance(read_file, ReadFile)
        of = Circumstances(
            worker="here",
            code_version="0",
            thresholds=settings.ict_thresholds,
            pseudonyms=Pseudonyms.of(settings),
        )
        [outcome] = FileMeasurement(of, shipped_card(), network).outcomes([(job, read_file)])
    finally:
        readers.close()
    assert outcome.measurement is not None, outcome.refusal
    assert outcome.pixel_digest == read_file.pixel_digest
    return read_file, outcome.measurement


@pytest.mark.parametrize("name", STORAGES)
def test_a_radiograph_decoded_at_reduced_size_is_measured_as_at_full_size(
    name: str, network: LoadedNetwork, tmp_path: Path
) -> None:
    [case] = draw_cases(1, seed=21)
    case = replace(case, rows=1201, columns=1067, storage=STORAGES[name])
    path = tmp_path / "radiograph"
    path.write_bytes(case.encode())
    settings = Settings(state=tmp_path / "state")
    assert settings.reduced_decoding
    in_full = settings.model_copy(update={"reduced_decoding": False})
    (reduced, got), (full, expected) = (
        measured(each, network, path) for each in (settings, in_full)
    )
    assert reduced.header == full.header
    assert reduced.pixel_digest is None
    assert len(full.pixel_digest or "") == 64
    moved = np.linalg.norm(np.subtract(got.points, expected.points), axis=1)
    longer_side_px = max(full.header.rows, full.header.columns)
    assert moved.mean() * ERROR_FRAME_PX / longer_side_px < MOST_MOVED_PX224
    assert got.spreads == pytest.approx(expected.spreads, rel=0.1)
    assert got.bucket == expected.bucket
    assert got.expected_error_px224 == pytest.approx(expected.expected_error_px224, rel=0.05)
    assert got.ict.value == pytest.approx(expected.ict.value, abs=MOST_OF_ICT)
    assert got.ict.thorax_width_px == pytest.approx(expected.ict.thorax_width_px, rel=0.005)
    if expected.ict.thorax_width_mm is None:
        assert got.ict.thorax_width_mm is None
    else:
        assert got.ict.thorax_width_mm == pytest.approx(expected.ict.thorax_width_mm, rel=0.005)
