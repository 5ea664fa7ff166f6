"""Int8 convolutions: the ranges of their inputs, and the quantization of an OpenVINO model.

Only inputs and weights of convolutions are rounded, to 256 levels or fewer. The ranges are
computed from radiographs outside the test sets and stored in the card.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from network.card import Ranges
from network.landmark_network import LandmarkNetwork

#: Factor on the ranges. Points move by 0.035 px of a 224 frame with 1, by 0.032 with 1.15, by 0.048
#: with 2.
_SPARE = 1.15
_LEVELS = 256
_SYMMETRIC_LEVELS = 255
#: A CPU without int8 dot-product instructions adds products in pairs, in 16 bits that saturate at
#: 32,767; weights that leave some of their levels unused keep the sums below. On such a CPU, points
#: of validation radiographs move by 0.076 px of a 224 frame with 1, by 0.056 with 1.5, and by 0.063
#: with 2, where saturation is impossible.
_PAIRS_SPARE = 1.5


def input_ranges(network: LandmarkNetwork, batches: Iterable[Tensor]) -> Ranges:
    """Return the `Ranges` of a network over batches (N, C, S, S) of views.

    A range is the mean of the ranges of the single radiographs, widened: with the extremes over
    all of them, one bright corner would coarsen the levels of every radiograph.
    """
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}

    def note(name: str, module: nn.Module, given: tuple[Tensor, ...]) -> None:
        del module
        flat = given[0].detach().flatten(1).double()
        ends = torch.stack((flat.amin(1), flat.amax(1)), dim=1).sum(0)
        sums[name] = sums[name] + ends if name in sums else ends
        counts[name] = counts.get(name, 0) + len(flat)

    hooks = [
        module.register_forward_pre_hook(partial(note, name))
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        with torch.inference_mode():
            for views in batches:
                network.features(views)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: _ends(_SPARE * sums[name] / counts[name]) for name in sums}


def _ends(pair: Tensor) -> tuple[float, float]:
    low, high = (round(value, 4) for value in pair.tolist())
    return low, high


def quantize(model: Any, ranges: Ranges, *, in_pairs: bool) -> None:
    """Insert quantization into an OpenVINO model traced from a network, in place.

    ``in_pairs``: whether the CPU adds int8 products in pairs, in 16 bits.
    """
    import openvino.opset13 as operators  # noqa: PLC0415 - see `load_openvino`

    rounded: dict[tuple[str, int], Any] = {}
    for node in model.get_ordered_ops():
        # "__module._network.stages.0.0.conv1/aten::_convolution/Convolution"
        name = node.get_friendly_name().partition("/")[0].partition("._network.")[2]
        if node.get_type_name() != "Convolution" or name not in ranges:
            continue
        source = node.input_value(0)
        key = (source.get_node().get_friendly_name(), source.get_index())
        if key not in rounded:
            low, high = ranges[name]
            if low < 0:
                # Signed bytes are -128 to 127: with these ends zero is a level.
                high = max(high, -low)
                low = -high * _LEVELS / (_LEVELS - 2)
            ends = [np.float32(low), np.float32(high)] * 2
            rounded[key] = operators.fake_quantize(source, *ends, levels=_LEVELS)
        node.input(0).replace_source_output(rounded[key].output(0))
        weights = node.input_value(1)
        values = np.abs(weights.get_node().data).max(axis=(1, 2, 3), keepdims=True)
        values = values * np.float32(_PAIRS_SPARE if in_pairs else 1.0)
        ends = [-values, values] * 2
        levels = operators.fake_quantize(weights, *ends, levels=_SYMMETRIC_LEVELS)
        node.input(1).replace_source_output(levels.output(0))
    model.validate_nodes_and_infer_types()
