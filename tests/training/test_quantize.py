"""Int8 ranges are computed and tested on separate radiographs and written into the card."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from network.card import load_card, shipped_card
from network.input import INPUT_SIDE_PX
from network.weights import load_network
from training.int8_ranges import MOST_PX, find_quantization
from training.samples import Samples, read_samples


@pytest.fixture(scope="module")
def samples(data: Path) -> Samples:
    return read_samples(data, side=INPUT_SIDE_PX)


def test_ranges_are_computed_and_their_effect_is_measured(samples: Samples) -> None:
    found = find_quantization(load_network(shipped_card()), samples)
    assert found is not None
    assert found.radiographs == (samples.splits == "train").sum()
    assert 0 < found.moved_px < MOST_PX
    shipped = shipped_card().ranges
    assert shipped is not None
    assert found.ranges.keys() == shipped.keys()


def test_there_are_no_ranges_if_points_move_too_far(samples: Samples) -> None:
    network = load_network(shipped_card())
    found = find_quantization(network, samples)
    assert found is not None
    assert find_quantization(network, samples, most_px=found.moved_px) is None


@pytest.mark.parametrize("split", ["train", "val"])
def test_there_are_no_ranges_without_radiographs_to_compute_and_test_them(
    samples: Samples, split: str
) -> None:
    assert find_quantization(load_network(shipped_card()), samples.split(split)) is None


def test_the_command_writes_ranges_and_metrics_into_a_card(data: Path, tmp_path: Path) -> None:
    shipped = shipped_card()
    shutil.copy(shipped.weights_path, tmp_path)
    card = tmp_path / "card.json"
    card.write_text(json.dumps({**shipped.card, "quantization": None, "metrics": {}}))
    printed = subprocess.run(
        [sys.executable, "-m", "training.quantize", str(card), "--data", str(data)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    written = load_card(card)
    assert written.ranges is not None
    assert written.weights_digest == shipped.weights_digest
    quantization = written.card["quantization"]
    assert printed.strip() == f"int8, moves points by {quantization['moved_px']} px"
    assert written.card["metrics"]
