"""Make a set of weights servable: ``python -m training.release --weights FILE --data DIR``.

Fits the judge of frontal chests on the training films, calibrates on the validation split,
evaluates on the test splits, and writes weights and model card into one folder.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from network.card import WEIGHTS_FOLDER, file_digest, load_card
from network.input import INPUT_SIDE_PX, MARGIN_PX
from network.landmark_network import ARCHITECTURE
from network.predictor import Predictor
from network.weights import read_network, save_network
from training.calibration import calibrate
from training.evaluate import Evaluation, evaluate, print_tables
from training.evaluation import predict
from training.frontal import refit_frontal
from training.recipe import Recipe
from training.samples import EXTERNAL_SPLIT, TRAINING_SIDE_PX, Samples, read_samples

SOURCES = {
    "landmarks15": "813 frontal chest radiographs with 15 landmarks (COVID-19, normal, viral "
    "pneumonia), 299 x 299",
    "wingspan": "Cardiothoracic Ratio Estimation Dataset, N. Dong 2020, MIT; heart and lung "
    "outlines, 512 x 512",
    "jsrt": "JSRT with the SCR outlines, 512 x 512; external: never trained, tuned or calibrated "
    "on",
}
LIMITS = (
    (
        "Trained from scratch on 704 radiographs of two collections, mostly adults; children, "
        "devices, effusions and collapsed lungs are few."
    ),
    (
        "Fifteen landmarks were annotated on a grid of 4.67 px of a 299 frame; errors under 1.3 px "
        "of a 224 frame mean nothing."
    ),
    (
        "The cardiothoracic index of AP and supine films is magnified; the value is kept, no "
        "line is drawn."
    ),
    (
        "Expected errors are calibrated on 100 radiographs of one collection, the interval of the "
        "index on 16 of another."
    ),
    (
        "Laterals and other body parts without a header are judged by a layer fitted on phantoms "
        "and on turned, inverted and cut films, not on real ones."
    ),
    "It measures and sorts; it does not diagnose.",
)


def main() -> None:
    """Parse, fit the judge, calibrate, evaluate, write."""
    parser = argparse.ArgumentParser(prog="python -m training.release", description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="what training.fit wrote")
    parser.add_argument("--fit", type=Path, required=True, help="its fit.json")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--version", required=True, help="name of the network, such as thoraq-1")
    parser.add_argument("--flip", action="store_true", help="average with the mirrored film")
    parser.add_argument("--out", type=Path, default=WEIGHTS_FOLDER, help="the shipped folder")
    options = parser.parse_args()

    made = json.loads(options.fit.read_text(encoding="utf-8"))
    recipe = Recipe.from_mapping(made["recipe"])
    network = read_network(options.weights)
    train = read_samples(options.data, side=TRAINING_SIDE_PX).split("train")
    frontal = refit_frontal(network, train, recipe)

    options.out.mkdir(parents=True, exist_ok=True)
    weights = options.out / f"{options.version}.safetensors"
    save_network(network, weights)
    everything = read_samples(options.data, side=INPUT_SIDE_PX)
    validation = everything.split("val")
    predictor = Predictor(read_network(weights), "cpu", flip=options.flip)
    calibration = calibrate(
        validation, predict(predictor, validation), f"{options.version}-validation"
    )
    card: dict[str, Any] = {
        "version": options.version,
        "architecture": ARCHITECTURE,
        "weights": {"file": weights.name, "sha256": file_digest(weights), "precision": "fp16"},
        "input": {"side_px": INPUT_SIDE_PX, "margin_px": MARGIN_PX},
        "test_time_flip": options.flip,
        "pretraining": made["pretraining"],
        "made": {"on": datetime.now(UTC).date().isoformat(), "torch": torch.__version__},
        "data": _data(everything),
        "recipe": recipe.as_mapping(),
        "calibration": asdict(calibration),
        "frontal": {"accuracy_fitted": round(frontal, 4), "phantoms": True},
        "metrics": {},
        "limits": LIMITS,
    }
    path = weights.with_suffix(".json")
    _write(path, card)
    evaluation = evaluate(load_card(path), options.data, "test", "cpu")
    card["metrics"] = _rounded(asdict(evaluation))
    _write(path, card)
    _print(evaluation)


def _data(samples: Samples) -> dict[str, Any]:
    return {
        source: {
            "what": SOURCES.get(source, source),
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


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def _write(path: Path, card: dict[str, Any]) -> None:
    path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _print(evaluation: Evaluation) -> None:
    print_tables(evaluation, Console())


if __name__ == "__main__":
    main()
