"""The outcome of a file that was read: its identifiers hashed, its points measured or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from db.records import ClaimedJob, Refusal
from network.card import shipped_card
from network.prediction import Prediction, PreparedInput
from network.runtime import Runtime
from radiograph.errors import Disposition
from radiograph.records import Header, IctThresholds, ImageFormat
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings
from worker.file_measurement import Circumstances, FileMeasurement
from worker.loaded_network import LoadedNetwork
from worker.readers.connection import RefusedFile
from worker.readers.wire import ReadFile

JOB = ClaimedJob(1, 1, ("/archive/1.dcm",), "0" * 64, ImageFormat.DICOM, 1)
HEADER = Header(ImageFormat.DICOM, 64, 64, patient_id="4711", accession="A-17")


class Answering:
    """A network with the same prediction for every image."""

    device_name = "answering"
    runtime = Runtime.TORCH
    precision = "fp32"

    def __init__(self, point: float, spread: float) -> None:
        self.point, self.spread = point, spread

    def predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Predict."""
        points, spreads = np.full((19, 2), self.point), np.full(19, self.spread)
        return [Prediction(points, spreads, 1.0) for _ in pixels]


def measurement(tmp_path: Path, point: float = 1.0, spread: float = 1.0) -> FileMeasurement:
    pseudonyms = Pseudonyms.of(Settings(state=tmp_path))
    of = Circumstances("test", "test", IctThresholds(), pseudonyms)
    return FileMeasurement(
        of, shipped_card(), LoadedNetwork(Answering(point, spread), device_batch=4)
    )


def read_file() -> ReadFile:
    prepared = PreparedInput(np.zeros((64, 64), np.uint8), np.eye(2, 3))
    return ReadFile(HEADER, "e" * 64, np.eye(2, 3), prepared, 1.0)


def test_both_identifiers_in_a_header_are_hashed_for_every_outcome(tmp_path: Path) -> None:
    made = measurement(tmp_path)
    refusal = Refusal("truncated-file", "the file ends early", Disposition.FAILED)
    [read] = made.outcomes([(JOB, read_file())])
    refused = made.refused(JOB, RefusedFile(refusal, HEADER))
    stored = Pseudonyms.of(Settings(state=tmp_path)).stored
    for outcome in (read, refused):
        assert outcome.header is not None
        assert outcome.header.patient_id == stored("4711") != "4711"
        assert outcome.header.accession == stored("A-17") != "A-17"


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("of_points", [True, False])
def test_points_that_are_not_finite_are_refused(
    tmp_path: Path, wrong: float, *, of_points: bool
) -> None:
    made = measurement(tmp_path, wrong, 1.0) if of_points else measurement(tmp_path, 1.0, wrong)
    [outcome] = made.outcomes([(JOB, read_file())])
    assert outcome.measurement is None
    assert outcome.refusal is not None
    assert outcome.refusal.code == "prediction-invalid"
