"""Measuring files that were read: predict, measure, return the outcomes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from db.records import ClaimedJob, Outcome, Provenance, Refusal
from network.card import ModelCard
from network.prediction import Prediction
from radiograph.calibration import Calibration
from radiograph.errors import RadiographError
from radiograph.frontal import check_prediction
from radiograph.measurement import measure, spreads_in_error_frame
from radiograph.records import Header, IctThresholds, Measurement
from scheduler.pseudonym import Pseudonyms
from worker.errors import MeasuringFailed, ModelUnavailable, PredictionInvalid
from worker.loaded_network import LoadedNetwork
from worker.readers.connection import RefusedFile
from worker.readers.wire import ReadFile

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Settings and provenance that are the same for every chunk of a worker."""

    worker: str
    code_version: str
    thresholds: IctThresholds
    pseudonyms: Pseudonyms


def in_upright_pixels(prediction: Prediction, to_upright: Floats) -> tuple[Floats, Floats]:
    """Return points (19, 2) and spreads (19,) of a prediction in pixels of the upright image."""
    points = prediction.points @ to_upright[:, :2].T + to_upright[:, 2]
    # Both axes have the same scale, up to the rounding of the fitted size.
    return points, prediction.spreads * float(np.hypot(to_upright[0, 0], to_upright[1, 0]))


def calibration_of(card: ModelCard) -> Calibration | None:
    """Return a network's calibration, None if it has none. Raises ModelUnavailable."""
    if card.calibration is None:
        return None
    try:
        return Calibration.from_mapping(card.calibration)
    except ValueError as exc:
        raise ModelUnavailable.because("the calibration in its card is invalid") from exc


class FileMeasurement:
    """Measures files with one network."""

    def __init__(
        self, circumstances: Circumstances, card: ModelCard, network: LoadedNetwork
    ) -> None:
        self._of = circumstances
        self._card = card
        self._calibration = calibration_of(card)
        self._network = network

    @property
    def device_batch(self) -> int:
        """Return the current size of a device batch; reduced if memory was short."""
        return self._network.device_batch

    def refused(self, job: ClaimedJob, read: RefusedFile) -> Outcome:
        """Return the outcome of a file that could not be read."""
        return Outcome(job.job_id, self._header(read.header), refusal=read.refusal)

    def outcomes(self, ready: Sequence[tuple[ClaimedJob, ReadFile]]) -> list[Outcome]:
        """Predict and measure files, in one device batch. Raises DeviceFailed."""
        started = time.perf_counter()
        predictions = self._network.predict([read.prepared for _, read in ready])
        predicted_ms = (time.perf_counter() - started) * 1000 / len(ready)
        return [
            self.outcome(job, read, prediction, predicted_ms)
            for (job, read), prediction in zip(ready, predictions, strict=True)
        ]

    def outcome(
        self, job: ClaimedJob, read: ReadFile, prediction: Prediction, predicted_ms: float
    ) -> Outcome:
        """Return the outcome of one file, from its prediction."""
        started = time.perf_counter()
        header = self._header(read.header)
        try:
            measurement = self._measurement(read, prediction)
        except RadiographError as exc:
            refusal = Refusal.of(exc)
            return Outcome(job.job_id, header, read.pixel_digest, refusal=refusal)
        measured_ms = (time.perf_counter() - started) * 1000
        return Outcome(
            job.job_id,
            header,
            read.pixel_digest,
            measurement,
            Provenance(
                model_version=self._card.version,
                weights_digest=self._card.weights_digest,
                code_version=self._of.code_version,
                device=self._network.name,
                precision=self._network.precision,
                worker=self._of.worker,
                duration_ms=read.duration_ms + predicted_ms + measured_ms,
                attempt=job.attempt,
            ),
        )

    def _measurement(self, read: ReadFile, prediction: Prediction) -> Measurement:
        """Measure one file. Raises RadiographError for any fault of this file."""
        if not (np.isfinite(prediction.points).all() and np.isfinite(prediction.spreads).all()):
            raise PredictionInvalid
        points, spreads = in_upright_pixels(prediction, read.prepared.to_upright)
        try:
            check_prediction(
                points,
                spreads_in_error_frame(spreads, read.to_source, read.header),
                prediction.frontal_probability,
            )
            return measure(
                points,
                spreads,
                to_source=read.to_source,
                header=read.header,
                frontal_probability=prediction.frontal_probability,
                calibration=self._calibration,
                thresholds=self._of.thresholds,
            )
        except RadiographError:
            raise
        except Exception as exc:
            raise MeasuringFailed.because(type(exc).__name__) from exc

    def _header(self, header: Header | None) -> Header | None:
        """Return the header as it is stored, with the patient's identifiers hashed."""
        if header is None or header.patient_id is header.accession is None:
            return header  # a PNG or JPEG: a copy would take as long as measuring the points
        stored = self._of.pseudonyms.stored
        return replace(
            header, patient_id=stored(header.patient_id), accession=stored(header.accession)
        )
