"""A network, or an ensemble of several, evaluated on a split of annotated radiographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from network.card import ModelCard
from network.input import INPUT_SIDE_PX
from network.prediction import Predicts
from network.predictor_choice import load_predictor
from radiograph.calibration import Calibration
from training.errors import SplitEmpty
from training.evaluate.agreement import IctFigures, ict_figures
from training.evaluate.calibration import LEAST_CASES, calibrate
from training.evaluate.consistency import ConsistencyFigures, consistency_figures
from training.evaluate.intervals import Share, share_of
from training.evaluate.landmarks import LandmarkFigures, landmark_figures
from training.evaluate.predictions import Predictions, predict
from training.evaluate.reliability import (
    ReliabilityFigures,
    ict_covered,
    refusals,
    reliability_figures,
)
from training.samples import EXTERNAL_SPLIT, Samples, read_samples


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures by the name of their set, such as ``wingspan test``.

    ``ict_covered``: true indices inside their 95 % interval; ``refused``: radiographs wrongly
    refused as not a frontal chest.
    """

    model: str
    landmarks: dict[str, LandmarkFigures]
    ict: dict[str, IctFigures]
    consistency: dict[str, ConsistencyFigures]
    reliability: dict[str, ReliabilityFigures]
    ict_covered: dict[str, Share]
    refused: dict[str, Share]

    def as_printed(self) -> dict[str, Any]:
        """Return plain values under the keys of `evaluate --json`.

        Keys that mean something else in results are printed beside the new ones for one version.
        """
        plain = asdict(self)
        for figures in plain["ict"].values():
            figures["enlarged_recognised"] = figures["enlarged"]
            figures["others_recognised"] = figures["not_enlarged"]
        return plain | {"evaluated_model": plain["model"], "ict_agreement": plain["ict"]}


@dataclass(frozen=True, slots=True)
class EvaluatedModels:
    """An evaluation, and the samples and predictions it was computed from."""

    evaluation: Evaluation
    samples: Samples
    predictions: Predictions
    calibration: Calibration | None


def evaluate_models(
    cards: Sequence[ModelCard], data: Path, split: str, device: str
) -> EvaluatedModels:
    """Evaluate a network, or the average of several; ``test`` adds the external sets.

    An ensemble is calibrated on the validation split.

    Raises DataMissing, DatasetInvalid, SplitEmpty, WeightsMissing, WeightsMismatch.
    """
    everything = read_samples(data, side=INPUT_SIDE_PX)
    wanted = (split, EXTERNAL_SPLIT) if split == "test" else (split,)
    samples = everything.split(*wanted)
    if not len(samples):
        raise SplitEmpty.because(f"no radiograph of the split {split!r} in {data}")
    predictors = [load_predictor(card, device) for card in cards]
    predictions = _average(predictors, samples)
    name = " + ".join(card.version for card in cards)
    if len(cards) == 1:
        table = cards[0].calibration
        calibration = None if table is None else Calibration.from_mapping(table)
    else:
        calibration = _calibration(predictors, everything.split("val"), name)
    return EvaluatedModels(
        take_figures(name, samples, predictions, calibration), samples, predictions, calibration
    )


def evaluate(card: ModelCard, data: Path, split: str, device: str) -> Evaluation:
    """Return the figures of one network on a split; ``test`` adds the external sets.

    Raises DataMissing, DatasetInvalid, SplitEmpty.
    """
    return evaluate_models([card], data, split, device).evaluation


def take_figures(
    model: str, samples: Samples, predictions: Predictions, calibration: Calibration | None
) -> Evaluation:
    """Return the figures of every set among the samples: a source and its split."""
    evaluation = Evaluation(model, {}, {}, {}, {}, {}, {})
    for source, split in sorted(set(zip(samples.sources, samples.splits, strict=True))):
        here = (samples.sources == source) & (samples.splits == split)
        part, part_predictions = samples.where(here), predictions.where(here)
        name = f"{source} {split}"
        evaluation.refused[name] = share_of(refusals(part, part_predictions))
        if part.has_landmarks().any():
            evaluation.landmarks[name] = landmark_figures(part, part_predictions)
            evaluation.consistency[name] = consistency_figures(part, part_predictions)
            if calibration is not None:
                evaluation.reliability[name] = reliability_figures(
                    part, part_predictions, calibration
                )
        if part.has_callipers().any():
            evaluation.ict[name] = ict_figures(part, part_predictions)
            if calibration is not None:
                evaluation.ict_covered[name] = ict_covered(part, part_predictions, calibration)
    return evaluation


def _average(predictors: Sequence[Predicts], samples: Samples) -> Predictions:
    return Predictions.averaged([predict(predictor, samples) for predictor in predictors])


def _calibration(
    predictors: Sequence[Predicts], validation: Samples, name: str
) -> Calibration | None:
    if validation.has_landmarks().sum() < LEAST_CASES:
        return None
    return calibrate(validation, _average(predictors, validation), f"{name} validation")
