"""Release of a model from fitted weights: calibration, metrics, card and report.

Fits the classifier of frontal chests on the training radiographs, calibrates on the validation
split, evaluates on the test split, and writes weights, card and report into one folder.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from db.training.records import RunCheck, RunPhase
from network.card import CARD_FILE, file_digest, load_card
from network.input import INPUT_SIDE_PX, MARGIN_PX
from network.landmark_network import ARCHITECTURE
from network.predictor import TorchPredictor
from network.weights import read_network, save_network
from radiograph.calibration import Calibration
from training.evaluate.calibration import LEAST_CASES, calibrate
from training.evaluate.models import EvaluatedModels, evaluate_models
from training.evaluate.predictions import predict
from training.fit.frontal import refit_frontal
from training.int8_ranges import find_quantization
from training.plan import Plan
from training.report.page import write_report
from training.samples import EXTERNAL_SPLIT, TRAINING_SIDE_PX, Samples, read_samples

REPORT_FILE = "report.html"


@dataclass(frozen=True, slots=True)
class ReleasedModel:
    """A model on disk: ``folder`` contains ``card_path`` and the weights it names."""

    version: str
    folder: Path
    card_path: Path
    weights_digest: str
    card: Mapping[str, Any]


def release_model(
    weights: Path,
    fitted: Mapping[str, Any],
    data: Path,
    folder: Path,
    version: str,
    *,
    parent: str | None = None,
    flip: bool = True,
    device: str = "cpu",
    card_name: str = CARD_FILE,
    sources: Mapping[str, str] | None = None,
    limits: Sequence[str] = (),
    checks: Sequence[RunCheck] = (),
    phases: Sequence[RunPhase] = (),
    report: bool = True,
    beat: Callable[[], None] = lambda: None,
) -> ReleasedModel:
    """Write ``folder``/``version``.safetensors, its card with its figures, and report.html.

    ``fitted`` is the ``fit.json`` beside the weights; ``parent`` the version the fit started
    from; ``sources`` and ``limits`` go into the card, ``checks`` and ``phases`` into the
    report. Repeating it gives the same files. ``beat`` is called regularly; an exception from it
    ends the work.

    Raises DataMissing, DatasetInvalid, WeightsMismatch.
    """
    plan = Plan.from_mapping(fitted["plan"])
    network = read_network(weights)
    train = read_samples(data, side=TRAINING_SIDE_PX).split("train")
    frontal = refit_frontal(network, train, plan, beat=beat)

    beat()
    folder.mkdir(parents=True, exist_ok=True)
    weights_path = folder / f"{version}.safetensors"
    save_network(network, weights_path)
    everything = read_samples(data, side=INPUT_SIDE_PX)
    calibration = _calibration(weights_path, everything, version, flip=flip, device=device)
    beat()
    quantization = find_quantization(read_network(weights_path), everything)
    digest = file_digest(weights_path)
    card: dict[str, Any] = {
        "version": version,
        "parent": parent,
        "architecture": ARCHITECTURE,
        "weights": {"file": weights_path.name, "sha256": digest, "precision": "fp16"},
        "input": {"side_px": INPUT_SIDE_PX, "margin_px": MARGIN_PX},
        "test_time_flip": flip,
        "pretraining": fitted["pretraining"],
        "made": {"on": datetime.now(UTC).date().isoformat(), "torch": torch.__version__},
        "data": _data(everything, sources or {}),
        "plan": plan.as_mapping(),
        "calibration": None if calibration is None else asdict(calibration),
        "quantization": None if quantization is None else asdict(quantization),
        "frontal": {"accuracy_fitted": round(frontal, 4), "phantoms": True},
        "metrics": {},
        "limits": list(limits) or _limits(everything, calibration),
    }
    path = folder / card_name
    write_card(path, card)
    if (everything.splits == "test").any():
        evaluated = evaluate_card(path, card, data, device)
        if report:
            write_report(
                folder / REPORT_FILE,
                title=version,
                evaluation=evaluated.evaluation,
                samples=evaluated.samples,
                predictions=evaluated.predictions,
                checks=checks,
                phases=phases,
                calibration=evaluated.calibration,
                data=data,
            )
    return ReleasedModel(version, folder, path, digest, card)


def evaluate_card(path: Path, card: dict[str, Any], data: Path, device: str) -> EvaluatedModels:
    """Evaluate the network of the card at ``path`` on the test split; add its metrics to ``card``.

    Raises DataMissing, DatasetInvalid, SplitEmpty.
    """
    evaluated = evaluate_models([load_card(path)], data, "test", device)
    card["metrics"] = _rounded(asdict(evaluated.evaluation))
    write_card(path, card)
    return evaluated


def _calibration(
    weights: Path, everything: Samples, version: str, *, flip: bool, device: str
) -> Calibration | None:
    """Return a calibration on radiographs the network was not fitted to; None if too few."""
    validation = everything.split("val")
    if validation.has_landmarks().sum() < LEAST_CASES:
        return None
    predictor = TorchPredictor(read_network(weights), device, flip=flip)
    return calibrate(validation, predict(predictor, validation), f"{version}-validation")


def _data(samples: Samples, sources: Mapping[str, str]) -> dict[str, Any]:
    return {
        source: {
            "what": sources.get(source, source),
            "splits": {
                str(split): int(count)
                for split, count in zip(
                    *np.unique(samples.splits[samples.sources == source], return_counts=True),
                    strict=True,
                )
            },
            "used_for": "evaluation only"
            if (samples.splits[samples.sources == source] == EXTERNAL_SPLIT).all()
            else "train fits, val selects and calibrates, test evaluates",
        }
        for source in sorted(set(samples.sources.tolist()))
    }


def _limits(samples: Samples, calibration: Calibration | None) -> list[str]:
    """Return the limits of a network that follow from the number of radiographs."""
    validation = samples.split("val")
    limits = [f"Trained on {(samples.splits == 'train').sum()} radiographs."]
    if calibration is None:
        limits.append("No calibration: too few validation radiographs; studies are unrated.")
    else:
        limits.append(
            f"Expected errors are calibrated on {validation.has_landmarks().sum()} radiographs."
        )
    if not samples.has_callipers().any():
        limits.append("No radiograph has callipers: the index means nothing.")
    return [*limits, "It measures and sorts radiographs; it does not diagnose."]


def _rounded(value: Any) -> Any:
    """Return rounded figures for a card; NaN becomes null."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value


def write_card(path: Path, card: dict[str, Any]) -> None:
    """Write a card atomically."""
    partial = path.with_suffix(".partial")
    partial.write_text(
        json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )
    partial.replace(path)
