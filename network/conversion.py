"""Conversion of a network for OpenVINO: traced with torch, quantized if requested.

``python -m network.conversion CARD --form FORM --out DIR`` writes the converted network. It is a
command so that a process serving on a CPU spends neither the memory nor the time to load torch.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from network.card import Ranges, load_card
from network.channels import channels
from network.errors import RuntimeUnavailable, WeightsMismatch
from network.input import INPUT_SIDE_PX
from network.landmark_network import LandmarkNetwork
from network.openvino_runtime import (
    PART_FILES,
    Form,
    Parts,
    load_openvino,
    read_parts,
    write_parts,
)
from network.quantization import quantize
from network.weights import load_network


def converted(network: LandmarkNetwork, form: Form, ranges: Ranges | None) -> Parts:
    """Convert a network in evaluation mode; ``ranges`` is required for the int8 forms.

    Goes through files, as the cache does: a model that was read back computes in another order,
    which moves points by 0.01 px in int8. Raises RuntimeUnavailable.
    """
    with tempfile.TemporaryDirectory(prefix="thoraq-network-") as folder:
        convert(network, form, ranges, Path(folder))
        return read_parts({name: (Path(folder) / name).read_bytes() for name in PART_FILES})


def convert(network: LandmarkNetwork, form: Form, ranges: Ranges | None, folder: Path) -> None:
    """Write a converted network into an empty folder. Raises RuntimeUnavailable."""
    try:
        grey = torch.zeros(2, INPUT_SIDE_PX, INPUT_SIDE_PX, dtype=torch.uint8)
        with torch.inference_mode():
            views = channels(grey)
            computed = network.features(views)
        features = _traced(_Features(network), (views,))
        if form is not Form.PLAIN and ranges is not None:
            quantize(features, ranges, in_pairs=form is Form.EIGHT_BITS_IN_PAIRS)
        parts = Parts(
            views=_traced(_Views(), (grey,)),
            features=features,
            readings=_traced(_Readings(network), computed),
        )
        write_parts(parts, folder)
    except (ImportError, RuntimeError) as exc:
        raise RuntimeUnavailable.about("openvino") from exc


def _traced(module: nn.Module, example: tuple[Tensor, ...]) -> Any:
    """Convert a part of the network. Raises ImportError, RuntimeError, RuntimeUnavailable."""
    openvino = load_openvino()
    from openvino.frontend import FrontEndManager  # noqa: PLC0415
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415

    with torch.inference_mode(), warnings.catch_warnings():
        # TorchScript needs no compiler; torch deprecates it.
        warnings.simplefilter("ignore", FutureWarning)
        decoder = TorchScriptPythonDecoder(module, example_input=example)
    frontend = FrontEndManager().load_by_framework("pytorch")
    model = frontend.convert(frontend.load(decoder))
    for given, one in zip(model.inputs, example, strict=True):
        kind = openvino.Type.u8 if one.dtype is torch.uint8 else openvino.Type.f32
        given.get_node().set_element_type(kind)
        given.get_node().set_partial_shape(openvino.PartialShape([-1, *one.shape[1:]]))
    model.validate_nodes_and_infer_types()
    return model


class _Views(nn.Module):
    def forward(self, grey: Tensor) -> Tensor:
        return channels(grey)


class _Features(nn.Module):
    def __init__(self, network: LandmarkNetwork) -> None:
        super().__init__()
        self._network = network

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor]:
        return self._network.features(views)


class _Readings(nn.Module):
    """Only the outputs that predictions need, so that the others are not computed."""

    def __init__(self, network: LandmarkNetwork) -> None:
        super().__init__()
        self._network = network

    def forward(self, refined: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        output = self._network.read(refined, pooled)
        return output.points, output.log_scales, output.frontal


def main() -> None:
    """Write a converted network into an empty folder."""
    parser = argparse.ArgumentParser(prog="python -m network.conversion", description=__doc__)
    parser.add_argument("card", type=Path)
    parser.add_argument("--form", type=Form, choices=list(Form), required=True)
    parser.add_argument("--out", type=Path, required=True, help="an empty folder")
    parser.add_argument("--digest", help="SHA-256 the weights must have")
    arguments = parser.parse_args()
    card = load_card(arguments.card)
    if arguments.digest not in {None, card.weights_digest}:
        raise WeightsMismatch.about(arguments.card.name)
    convert(load_network(card), arguments.form, card.ranges, arguments.out)


if __name__ == "__main__":
    main()
