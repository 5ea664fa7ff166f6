"""Judge a network on annotated radiographs: ``python -m training.evaluate --data DIR``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from network.card import ModelCard, load_card, shipped_card
from network.input import INPUT_SIDE_PX
from network.predictor import Predictor
from training.evaluation import (
    IctFigures,
    LandmarkFigures,
    ict_figures,
    landmark_figures,
    predict,
)
from training.samples import EXTERNAL_SPLIT, read_samples


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures by the name of the set they were taken on, such as ``wingspan test``."""

    model: str
    landmarks: dict[str, LandmarkFigures]
    ict: dict[str, IctFigures]


def evaluate(card: ModelCard, data: Path, split: str, device: str) -> Evaluation:
    """Predict a split (and, with ``test``, the external sets) and take its figures.

    Raises FileNotFoundError where ``data`` holds no data set, ValueError for an empty split.
    """
    wanted = (split, EXTERNAL_SPLIT) if split == "test" else (split,)
    samples = read_samples(data, side=INPUT_SIDE_PX).split(*wanted)
    if not len(samples):
        raise ValueError(f"no radiograph of the split {split!r} under {data}")
    predicted = predict(Predictor.load(card, device), samples)
    landmarks: dict[str, LandmarkFigures] = {}
    ict: dict[str, IctFigures] = {}
    for source in sorted(set(samples.sources.tolist())):
        here = samples.sources == source
        part, said = samples.where(here), predicted.where(here)
        name = f"{source} {part.splits[0]}"
        if part.has_landmarks().any():
            landmarks[name] = landmark_figures(part, said)
        if part.has_callipers().any():
            ict[name] = ict_figures(part, said)
    return Evaluation(model=card.version, landmarks=landmarks, ict=ict)


#: Narrow enough for a terminal of eighty columns.
_PLAIN: dict[str, Any] = {"box": None, "padding": (0, 1, 0, 0), "pad_edge": False}


def print_tables(evaluation: Evaluation, console: Console) -> None:
    """Print the landmark table and the ICT table."""
    table = Table(title=f"Landmarks, px of a 224 frame ({evaluation.model})", **_PLAIN)
    _columns(table, "mean [95 %]", "median", "sd", "p95", "12 points")
    for name, figures in evaluation.landmarks.items():
        table.add_row(
            name,
            str(figures.cases),
            f"{figures.mean:.2f} [{figures.low:.2f}, {figures.high:.2f}]",
            f"{figures.median:.2f}",
            f"{figures.sd:.2f}",
            f"{figures.p95:.2f}",
            f"{figures.independent_mean:.2f}",
        )
        for category, (cases, mean) in figures.by_category.items():
            table.add_row(f"  {category}", str(cases), f"{mean:.2f}")
    console.print(table)
    for name, figures in evaluation.landmarks.items():
        shares = ", ".join(f"{k} {100 * v:.1f} %" for k, v in figures.buckets.items())
        console.print(f"{name}, buckets by true error: {shares}")
        points = "  ".join(f"{k} {v:.1f}" for k, v in figures.by_landmark.items())
        console.print(f"{name}, by landmark: {points}")
    console.print()
    table = Table(title=f"Cardiothoracic index ({evaluation.model})", **_PLAIN)
    _columns(table, "mean |error| [95 %]", "bias", "95 % limits", "r", "sens/spec")
    for name, ict in evaluation.ict.items():
        table.add_row(
            name,
            str(ict.cases),
            f"{ict.mean_absolute:.4f} [{ict.low:.3f}, {ict.high:.3f}]",
            f"{ict.bias:+.4f}",
            f"{ict.bias - 1.96 * ict.sd:+.2f} {ict.bias + 1.96 * ict.sd:+.2f}",
            f"{ict.correlation:.3f}",
            f"{100 * ict.sensitivity:.0f}/{100 * ict.specificity:.0f}",
        )
    console.print(table)
    console.print("Sensitivity and specificity in % at an index of 0.50, whatever the view.")


def _columns(table: Table, *figures: str) -> None:
    table.add_column("set", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for heading in figures:
        table.add_column(heading, justify="right", no_wrap=True)


def main() -> None:
    """Parse, evaluate, print."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--split", default="test", help="test (default), val or train")
    parser.add_argument("--model", type=Path, help="a model card; the shipped one where absent")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    card = load_card(options.model) if options.model else shipped_card()
    try:
        evaluation = evaluate(card, options.data, options.split, options.device)
    except (FileNotFoundError, ValueError) as exc:
        parser.exit(2, f"error: {exc}\n")
    if options.json:
        json.dump(asdict(evaluation), sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        print_tables(evaluation, Console())


if __name__ == "__main__":
    main()
