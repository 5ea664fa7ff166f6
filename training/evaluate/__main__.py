"""Evaluate a network on annotated radiographs: ``python -m training.evaluate --data DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from network.card import load_card, shipped_card
from network.errors import NetworkError
from results.errors import PlaceUnusable
from results.picture_file import written_at
from scheduler.console import PlainConsole
from scheduler.errors import PlaceForbidden
from scheduler.roots import check_allowed
from scheduler.terminal import Parser
from training.dataset.layouts import usable_radiographs
from training.dataset.terminal import print_json
from training.errors import TrainingError
from training.evaluate.cases import list_cases
from training.evaluate.models import EvaluatedModels, evaluate_models
from training.report.page import write_report
from training.report.pictures import save_pictures
from training.report.terminal import print_tables


def main() -> None:
    """Evaluate, print the tables and draw the cases."""
    parser = Parser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--split", default="test", help="test (default), val or train")
    parser.add_argument(
        "--model",
        type=Path,
        action="append",
        help="a model card; the shipped one where absent; several are averaged",
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="draw truth against prediction for every radiograph",
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write one page of figures, plots and worst cases"
    )
    parser.add_argument(
        "--roots", default="", help="folders that data may be in, separated by colons; any if empty"
    )
    options = parser.parse_args()
    try:
        roots = [Path(each).resolve() for each in options.roots.split(":") if each]
        check_allowed(options.data, roots)
        cards = [load_card(path) for path in options.model or ()] or [shipped_card()]
        evaluated = evaluate_models(cards, options.data, options.split, options.device)
        if options.pictures is not None or options.html is not None:
            _draw(evaluated, options)
    except (TrainingError, NetworkError, PlaceForbidden, PlaceUnusable) as exc:
        parser.exit(exc.kind, f"error [{exc.code}]: {exc}\n")
    if options.json:
        print_json(evaluated.evaluation.as_printed())
    else:
        print_tables(evaluated.evaluation, PlainConsole())


def _draw(evaluated: EvaluatedModels, options: argparse.Namespace) -> None:
    if options.pictures is not None:
        cases = list_cases(evaluated.samples, evaluated.predictions, evaluated.calibration)
        radiographs = usable_radiographs(options.data)
        with written_at(options.pictures):
            save_pictures(
                options.pictures, cases, evaluated.samples, evaluated.predictions, radiographs
            )
    if options.html is not None:
        with written_at(options.html):
            write_report(
                options.html,
                title=evaluated.evaluation.model,
                evaluation=evaluated.evaluation,
                samples=evaluated.samples,
                predictions=evaluated.predictions,
                calibration=evaluated.calibration,
                data=options.data,
            )


if __name__ == "__main__":
    main()
