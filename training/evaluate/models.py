"""A network, or an ensemble of several, judged on a split of annotated radiographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from network.card import ModelCard
from network.input import INPUT_SIDE_PX
from network.loading import load_predictor
from network.prediction import Predicts
from radiograph.measures.quality import Calibration
from training.errors import SplitEmpty
from training.evaluate.agreement import IctFigures, ict_figures
from training.evaluate.calibration import calibrate
from training.evaluate.consistency import ConsistencyFigures, consistency_figures
from training.evaluate.intervals import Share, share_of
from training.evaluate.landmarks import LandmarkFigures, landmark_figures
from training.evaluate.predictions import Predicted, predict
from training.evaluate.reliability import (
    ReliabilityFigures,
    ict_covered,
    refused,
    reliability_figures,
)
from training.samples import EXTERNAL_SPLIT, Samples, read_samples

#: Fewer validation films cannot carry an ensemble's calibration: its studies stay unrated.
LEAST_CALIBRATION_CASES = 20


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures by the name of the set they were taken on, such as ``wingspan test``.

    ``ict_covered``: true indices inside their 95 % interval; ``refused``: films taken for no
    frontal chest, all of which are.
    """

    model: str
    landmarks: dict[str, LandmarkFigures]
    ict: dict[str, IctFigures]
    consistency: dict[str, ConsistencyFigures]
    reliability: dict[str, ReliabilityFigures]
    ict_covered: dict[str, Share]
    refused: dict[str, Share]


@dataclass(frozen=True, slots=True)
class Judged:
    """An evaluation with what it was taken on."""

    evaluation: Evaluation
    samples: Samples
    predicted: Predicted
    calibration: Calibration | None


def judge_models(cards: Sequence[ModelCard], data: Path, split: str, device: str) -> Judged:
    """Judge one network, or the average of several, on a split; ``test`` brings the external sets.

    An ensemble's calibration is made anew, on the validation split.

    Raises DataMissing, DatasetInvalid, SplitEmpty, WeightsMissing, WeightsMismatch.
    """
    everything = read_samples(data, side=INPUT_SIDE_PX)
    wanted = (split, EXTERNAL_SPLIT) if split == "test" else (split,)
    samples = everything.split(*wanted)
    if not len(samples):
        raise SplitEmpty.because(f"no radiograph of the split {split!r} in {data}")
    predictors = [load_predictor(card, device) for card in cards]
    predicted = _average(predictors, samples)
    name = " + ".join(card.version for card in cards)
    if len(cards) == 1:
        table = cards[0].calibration
        calibration = None if table is None else Calibration.from_mapping(table)
    else:
        calibration = _calibration(predictors, everything.split("val"), name)
    return Judged(judge(name, samples, predicted, calibration), samples, predicted, calibration)


def evaluate(card: ModelCard, data: Path, split: str, device: str) -> Evaluation:
    """Predict a split (and, with ``test``, the external sets) and take its figures.

    Raises DataMissing, DatasetInvalid, SplitEmpty.
    """
    return judge_models([card], data, split, device).evaluation


def judge(
    model: str, samples: Samples, predicted: Predicted, calibration: Calibration | None
) -> Evaluation:
    """Take the figures of every set among the samples: a source and its split."""
    made = Evaluation(model, {}, {}, {}, {}, {}, {})
    for source, split in sorted(set(zip(samples.sources, samples.splits, strict=True))):
        here = (samples.sources == source) & (samples.splits == split)
        part, said = samples.where(here), predicted.where(here)
        name = f"{source} {split}"
        made.refused[name] = share_of(refused(part, said))
        if part.has_landmarks().any():
            made.landmarks[name] = landmark_figures(part, said)
            made.consistency[name] = consistency_figures(part, said)
            if calibration is not None:
                made.reliability[name] = reliability_figures(part, said, calibration)
        if part.has_callipers().any():
            made.ict[name] = ict_figures(part, said)
            if calibration is not None:
                made.ict_covered[name] = ict_covered(part, said, calibration)
    return made


def _average(predictors: Sequence[Predicts], samples: Samples) -> Predicted:
    return Predicted.averaged([predict(predictor, samples) for predictor in predictors])


def _calibration(
    predictors: Sequence[Predicts], validation: Samples, name: str
) -> Calibration | None:
    if validation.has_landmarks().sum() < LEAST_CALIBRATION_CASES:
        return None
    return calibrate(validation, _average(predictors, validation), f"{name} validation")
