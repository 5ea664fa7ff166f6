"""The network compiled by OpenVINO, which on a CPU takes little more than half of torch's time.

The weights come from the very module that torch would run; its graph is traced and handed over in
memory.
"""

from __future__ import annotations

import sys
import warnings
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from network.errors import RuntimeUnavailable
from network.input import INPUT_SIDE_PX
from network.landmark_network import LandmarkNetwork


class Reading(NamedTuple):
    """What predicting takes of a network's output; see `network.landmark_network.NetworkOutput`."""

    points: Tensor
    log_scales: Tensor
    frontal: Tensor


class CompiledNetwork:
    """Predicts (N, S, S) grey levels of uint8 on the CPU, in fp32, for any N.

    OpenVINO's converter would report each use to Google Analytics; it is kept from it.
    """

    def __init__(self, network: LandmarkNetwork, threads: int) -> None:
        """Compile ``network``. Raises RuntimeUnavailable."""
        try:
            # What it reports with; without it OpenVINO is silent.
            sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
            # Loaded where it is used: training and other devices do without.
            import openvino  # noqa: PLC0415
            from openvino.frontend import FrontEndManager  # noqa: PLC0415
            from openvino.frontend.pytorch.ts_decoder import (  # noqa: PLC0415
                TorchScriptPythonDecoder,
            )
        except ImportError as exc:
            raise RuntimeUnavailable(f"openvino: {RuntimeUnavailable.__doc__}") from exc
        example = torch.zeros(2, INPUT_SIDE_PX, INPUT_SIDE_PX, dtype=torch.uint8)
        try:
            with torch.inference_mode(), warnings.catch_warnings():
                # The way that needs no compiler, and that torch would rather we left.
                warnings.simplefilter("ignore", FutureWarning)
                decoder = TorchScriptPythonDecoder(_Readings(network), example_input=(example,))
            frontend = FrontEndManager().load_by_framework("pytorch")
            model = frontend.convert(frontend.load(decoder))
            given = model.inputs[0].get_node()
            given.set_element_type(openvino.Type.u8)
            given.set_partial_shape(openvino.PartialShape([-1, INPUT_SIDE_PX, INPUT_SIDE_PX]))
            model.validate_nodes_and_infer_types()
            self._compiled = openvino.Core().compile_model(
                model,
                "CPU",
                {
                    "INFERENCE_NUM_THREADS": threads,
                    # bf16 moves landmarks by 0.6 px of a 224 frame.
                    "INFERENCE_PRECISION_HINT": "f32",
                    # Every process would hold the same first core and leave the others idle.
                    "ENABLE_CPU_PINNING": False,
                },
            )
        except RuntimeError as exc:
            raise RuntimeUnavailable(f"openvino: {RuntimeUnavailable.__doc__}") from exc

    def __call__(self, grey: Tensor) -> Reading:
        """Predict."""
        said = self._compiled(np.ascontiguousarray(grey.numpy()))
        return Reading(*(torch.from_numpy(np.array(said[number])) for number in range(3)))


class _Readings(nn.Module):
    """The outputs that predicting takes, so that the others cost nothing."""

    def __init__(self, network: LandmarkNetwork) -> None:
        super().__init__()
        self._network = network

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        output = self._network(grey)
        return output.points, output.log_scales, output.frontal
