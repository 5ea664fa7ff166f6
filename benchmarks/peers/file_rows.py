"""Reading, predicting and measuring a file in every engine, by thoraq's own functions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers.compilation import compiled
from network.card import shipped_card
from network.input import prepare
from network.prediction import Prediction, PreparedInput
from network.predictor import TorchPredictor
from network.predictor_choice import load_predictor
from network.runtime import Runtime
from network.weights import load_network
from radiograph.errors import RadiographError
from radiograph.frontal import check_header, check_prediction
from radiograph.measurement import measure, spreads_in_error_frame
from radiograph.reading import read
from radiograph.records import Header, IctThresholds
from scheduler.settings import Settings
from worker.file_measurement import calibration_of, in_upright_pixels
from worker.limits import read_limits

_LIMITS = read_limits(Settings())


@dataclass(frozen=True, slots=True)
class Plan:
    """Parameters of an engine: number of processes, and files of the archive to warm up on."""

    cores: int
    batch: int
    sample: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was read, or the ``code`` of its error. ``taken_at``: seconds since 1970."""

    path: str
    taken_at: float
    prepared: PreparedInput | None = None
    header: Header | None = None
    to_source: np.ndarray | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an engine's CSV file."""

    path: str
    taken_at: float
    code: str = ""
    ict: float | None = None
    bucket: str = ""
    expected_error_px224: float | None = None

    def plain(self) -> dict[str, Any]:
        """Return the row as plain values, to pass between processes."""
        return asdict(self)


def take(path: str) -> InputFile:
    """Read and prepare a file, as a reading process of thoraq does."""
    taken_at = time.time()
    try:
        read_file = read(Path(path), _LIMITS, check=check_header)
    except RadiographError as exc:
        return InputFile(path, taken_at, code=exc.code)
    prepared = prepare(read_file.pixels, extent=read_file.extent)
    return InputFile(path, taken_at, prepared, read_file.header, read_file.to_source)


class Network:
    """The shipped network on ``threads`` threads of this process.

    ``tuned``: compiled for batches of ``batch``. With torch, unless ``runtime`` is another; loaded
    in channels-last format, and always in inference mode.
    """

    def __init__(
        self, plan: Plan, *, threads: int = 1, tuned: bool = False, runtime: Runtime = Runtime.TORCH
    ) -> None:
        torch.set_num_threads(threads)
        card = shipped_card()
        self._calibration = calibration_of(card)
        self._fixed = plan.batch if tuned else 0
        if tuned:
            flip = bool(card.card.get("test_time_flip", False))
            self._predictor = TorchPredictor(compiled(load_network(card)), "cpu", flip=flip)
        else:
            self._predictor = load_predictor(card, "cpu", runtime=runtime, threads=threads)

    def measured(self, paths: Sequence[str]) -> list[Row]:
        """Read and measure a batch."""
        return self.rows([take(path) for path in paths])

    def rows(self, read_files: Sequence[InputFile]) -> list[Row]:
        """Measure a batch that was read; return the rows in its order."""
        ready = [read_file for read_file in read_files if read_file.prepared is not None]
        predictions = iter(self._predict([read_file.prepared.pixels for read_file in ready]))
        return [
            Row(read_file.path, read_file.taken_at, read_file.code)
            if read_file.prepared is None
            else self._row(read_file, p)
            for read_file in read_files
            for p in [None if read_file.prepared is None else next(predictions)]
        ]

    def _predict(self, squares: Sequence[np.ndarray]) -> list[Prediction]:
        if not squares:
            return []
        pixels = np.stack(squares)
        if len(pixels) < self._fixed:  # another size would be compiled again
            missing = self._fixed - len(pixels)
            pixels = np.concatenate([pixels, np.zeros((missing, *pixels.shape[1:]), np.uint8)])
        return self._predictor.predict(pixels)[: len(squares)]

    def _row(self, read_file: InputFile, prediction: Prediction) -> Row:
        header = read_file.header
        points, spreads = in_upright_pixels(prediction, read_file.prepared.to_upright)
        try:
            check_prediction(
                points,
                spreads_in_error_frame(spreads, read_file.to_source, header),
                prediction.frontal_probability,
            )
            found = measure(
                points,
                spreads,
                to_source=read_file.to_source,
                header=header,
                frontal_probability=prediction.frontal_probability,
                calibration=self._calibration,
                thresholds=IctThresholds(),
            )
        except RadiographError as exc:
            return Row(read_file.path, read_file.taken_at, exc.code)
        return Row(
            read_file.path,
            read_file.taken_at,
            ict=found.ict.value,
            bucket=str(found.bucket),
            expected_error_px224=found.expected_error_px224,
        )
