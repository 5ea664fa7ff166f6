"""Build the model shipped with thoraq: ``python -m training.ship --weights FILE --data DIR``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from network.card import WEIGHTS_FOLDER, load_card
from scheduler.console import PlainConsole
from training.evaluate.models import evaluate
from training.release import release_model
from training.report.terminal import print_tables

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
        "Trained from scratch on 704 radiographs of two collections, mostly adults; few "
        "show a child, a device, an effusion or a collapsed lung."
    ),
    (
        "Fifteen landmarks were annotated on a grid of 4.67 px of a 299 frame; errors under 1.3 px "
        "of a 224 frame are not significant."
    ),
    (
        "The cardiothoracic index of AP and supine radiographs is magnified; the value is "
        "reported, no threshold is applied."
    ),
    (
        "Expected errors are calibrated on 100 radiographs of one collection, the interval of the "
        "index on 16 of another."
    ),
    (
        "Lateral views and other body parts without a header are recognised by a layer fitted on "
        "phantoms and on rotated, inverted and cropped radiographs, not on real ones."
    ),
    "It measures and sorts radiographs; it does not diagnose.",
)


def main() -> None:
    """Build the model and print its metrics."""
    parser = argparse.ArgumentParser(prog="python -m training.ship", description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="what training.fit wrote")
    parser.add_argument("--fit", type=Path, required=True, help="its fit.json")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--version", required=True, help="name of the network, such as thoraq-1")
    parser.add_argument("--parent", help="version the fit started from")
    parser.add_argument("--flip", action="store_true", help="average with the mirrored radiograph")
    parser.add_argument("--out", type=Path, default=WEIGHTS_FOLDER, help="the shipped folder")
    options = parser.parse_args()
    made = release_model(
        options.weights,
        json.loads(options.fit.read_text(encoding="utf-8")),
        options.data,
        options.out,
        options.version,
        parent=options.parent,
        flip=options.flip,
        card_name=f"{options.version}.json",
        sources=SOURCES,
        limits=LIMITS,
        report=False,
    )
    print_tables(evaluate(load_card(made.card_path), options.data, "test", "cpu"), PlainConsole())


if __name__ == "__main__":
    main()
