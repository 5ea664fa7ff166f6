"""A released model is calibrated on radiographs it was not trained on."""

from __future__ import annotations

from dataclasses import replace

from network.card import shipped_card
from network.input import INPUT_SIDE_PX
from network.predictor import TorchPredictor
from network.weights import read_network
from tests.training.spots import spots
from training.evaluate.calibration import LEAST_CASES, calibrate
from training.evaluate.predictions import predict
from training.release import _calibration
from training.samples import Samples


def test_a_network_is_calibrated_on_radiographs_it_was_not_trained_on() -> None:
    weights = shipped_card().weights_path
    enough, too_few = 2 * LEAST_CASES, 2 * (LEAST_CASES - 1)
    radiographs = Samples.join(
        [spots(INPUT_SIDE_PX, enough, "train"), spots(INPUT_SIDE_PX, too_few, "val")]
    )
    known = radiographs.where(radiographs.has_landmarks())
    assert _calibration(weights, known, "new", flip=False, device="cpu") is None

    exchanged = {"train": "val", "val": "train"}
    turned = replace(known, splits=known.splits.copy())
    turned.splits[:] = [exchanged[str(split)] for split in known.splits]
    apart = turned.split("val")
    predictor = TorchPredictor(read_network(weights), "cpu", flip=False)
    made = _calibration(weights, turned, "new", flip=False, device="cpu")
    assert made == calibrate(apart, predict(predictor, apart), "new-validation")
