"""Int8: enabled by the card, tested when the card is made, independent of the batch."""

from __future__ import annotations

import platform
from dataclasses import replace

import numpy as np
import openvino
import pytest
import torch
from torch import nn

from network.card import shipped_card
from network.channels import channels
from network.openvino_runtime import Arithmetic, Form
from network.predictor_choice import load_predictor
from network.quantization import input_ranges
from network.runtime import Runtime
from network.weights import load_network
from tests.network.test_openvino_runtime import squares

ABLE = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
NEXT = "bf16" if "BF16" in ABLE else "fp32"


def test_every_convolution_in_use_has_a_range() -> None:
    network = load_network(shipped_card())
    views = channels(torch.from_numpy(squares(2)))
    ranges = input_ranges(network, [views, views.flip(3)])
    assert shipped_card().ranges is not None
    assert ranges.keys() == shipped_card().ranges.keys()
    convolutions = {
        name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)
    }
    assert ranges.keys() <= convolutions
    ends = torch.stack((views.flatten(1).amin(1), views.flatten(1).amax(1))).mean(1)
    assert ranges["stem.0"] == pytest.approx((1.15 * ends).tolist(), abs=1e-3)
    # After a ReLU nothing is below zero.
    assert ranges["stages.3.1.conv2"][0] == 0.0 < ranges["stages.3.1.conv2"][1]


def test_a_card_without_ranges_is_served_in_bf16_or_fp32() -> None:
    card = shipped_card()
    assert load_predictor(card, "cpu").precision == "int8"
    assert load_predictor(replace(card, ranges=None), "cpu").precision == NEXT
    assert load_predictor(card, "cpu", exact=True).precision == "fp32"


def test_int8_is_used_and_predictions_do_not_depend_on_the_batch() -> None:
    images = squares(5)
    served = load_predictor(shipped_card(), "cpu")
    together = np.stack([prediction.points for prediction in served.predict(images)])
    alone = np.stack([served.predict(image[None])[0].points for image in images])
    assert np.abs(together - alone).max() < 1e-3
    following = load_predictor(replace(shipped_card(), ranges=None), "cpu")
    exact = load_predictor(shipped_card(), "cpu", runtime=Runtime.TORCH)
    of_next = np.stack([prediction.points for prediction in following.predict(images)])
    of_fp32 = np.stack([prediction.points for prediction in exact.predict(images)])
    # Rounded more coarsely, by less than a tenth of a pixel of a 224 frame.
    moved = np.linalg.norm(together - of_fp32, axis=2).mean() * 224 / images.shape[1]
    assert np.linalg.norm(of_next - of_fp32, axis=2).mean() * 224 / images.shape[1] < moved < 0.1


@pytest.mark.parametrize(
    ("machine", "able", "precision"),
    [
        ("x86_64", ["FP32", "INT8"], "int8"),
        ("x86_64", ["FP32", "BF16", "INT8"], "int8"),
        ("aarch64", ["FP32", "INT8"], "fp32"),  # int8 was not measured there
        ("aarch64", ["FP32", "BF16", "INT8"], "bf16"),
    ],
)
def test_int8_is_used_only_where_it_was_tested(
    monkeypatch: pytest.MonkeyPatch, machine: str, able: list[str], precision: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    served = Arithmetic.fastest(able, shipped_card().ranges)
    assert served.precision == precision
    assert (served.form is Form.PLAIN) == (precision != "int8")
    # Only a CPU with bf16 adds int8 products exactly.
    assert (served.form is Form.EIGHT_BITS) == (precision == "int8" and "BF16" in able)
    assert Arithmetic.fastest(able, None).precision == ("bf16" if "BF16" in able else "fp32")
    exact = Arithmetic.fastest(able, shipped_card().ranges, exact=True)
    assert exact == Arithmetic("fp32", Form.PLAIN, "f32")
