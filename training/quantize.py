"""Add int8 ranges to a card: ``python -m training.quantize CARD --data DIR``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from network.card import load_card
from network.input import INPUT_SIDE_PX
from network.weights import load_network
from training.int8_ranges import find_quantization
from training.release import evaluate_card, write_card
from training.samples import read_samples


def main() -> None:
    """Compute the ranges, write them, and evaluate the network as it will be served."""
    parser = argparse.ArgumentParser(prog="python -m training.quantize", description=__doc__)
    parser.add_argument("card", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments = parser.parse_args()
    card = load_card(arguments.card)
    samples = read_samples(arguments.data, side=INPUT_SIDE_PX)
    found = find_quantization(load_network(card), samples)
    fields = {**card.card, "quantization": None if found is None else asdict(found)}
    write_card(arguments.card, fields)
    if (samples.splits == "test").any():
        evaluate_card(arguments.card, fields, arguments.data, "cpu")
    print("no int8" if found is None else f"int8, moves points by {found.moved_px} px")  # noqa: T201


if __name__ == "__main__":
    main()
