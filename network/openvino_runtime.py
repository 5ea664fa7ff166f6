"""The network compiled by OpenVINO, which on a CPU takes little more than half of torch's time.

The weights come from the very module that torch would run; its graph is traced and handed over in
memory.
"""

from __future__ import annotations

import platform
import sys
import warnings
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from network.channels import channels
from network.errors import RuntimeUnavailable
from network.input import INPUT_SIDE_PX
from network.landmark_network import LandmarkNetwork, Reading
from network.quantization import Ranges, quantize

_X86 = frozenset({"x86_64", "AMD64"})


class CompiledNetwork:
    """Predicts from the views of (N, S, S) grey levels of uint8 on the CPU, for any N.

    ``precision``: where ``reduced`` allows it and the CPU can, int8 with ``ranges`` and bf16
    without, else fp32. What int8 does not round is computed in bf16 where the CPU has that, else
    in fp32. The views are made and the points read off in fp32 either way: with the views in bf16,
    points move by 0.5 px of a 224 frame; without, by 0.02 px, in int8 by 0.03 to 0.04 px.

    OpenVINO's converter would report each use to Google Analytics; it is kept from it.
    """

    def __init__(
        self,
        network: LandmarkNetwork,
        threads: int,
        *,
        reduced: bool = True,
        ranges: Ranges | None = None,
    ) -> None:
        """Compile ``network``. Raises RuntimeUnavailable."""
        try:
            # What it reports with; without it OpenVINO is silent.
            sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
            # Loaded where it is used: training and other devices do without.
            import openvino  # noqa: PLC0415
        except ImportError as exc:
            raise RuntimeUnavailable(f"openvino: {RuntimeUnavailable.__doc__}") from exc
        grey = torch.zeros(2, INPUT_SIDE_PX, INPUT_SIDE_PX, dtype=torch.uint8)
        try:
            core = openvino.Core()
            able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            self.precision = _precision(able, ranges) if reduced else "fp32"
            with torch.inference_mode():
                views = channels(grey)
                features = network.features(views)
            compiled = partial(_compiled, core, threads)
            self._views = compiled(_Views(), (grey,))
            # A CPU that has it also sums products of eight bits exactly; an older one may not.
            exact = "BF16" in able
            hint = "bf16" if exact and self.precision != "fp32" else "f32"
            prepare = (
                partial(quantize, ranges=ranges, in_pairs=not exact)
                if ranges is not None and self.precision == "int8"
                else None
            )
            self._features = compiled(_Features(network), (views,), hint=hint, prepare=prepare)
            self._readings = compiled(_Readings(network), features)
        except (ImportError, RuntimeError) as exc:
            raise RuntimeUnavailable(f"openvino: {RuntimeUnavailable.__doc__}") from exc

    def views(self, grey: Tensor) -> Tensor:
        """Make the views of `network.channels`."""
        return torch.from_numpy(np.array(self._views(np.ascontiguousarray(grey.numpy()))[0]))

    def __call__(self, views: Tensor) -> Reading:
        """Predict."""
        features = self._features(np.ascontiguousarray(views.numpy()))
        said = self._readings([features[0], features[1]])
        return Reading(*(torch.from_numpy(np.array(said[number])) for number in range(3)))


def _precision(able: Collection[str], ranges: Ranges | None) -> str:
    """Return the fastest arithmetic that moves landmarks by less than 0.1 px of a 224 frame."""
    # Every CPU is said to have eight bits; what they do to points was measured on x86 alone.
    if ranges is not None and platform.machine() in _X86:
        return "int8"
    return "bf16" if "BF16" in able else "fp32"


def _compiled(
    core: Any,
    threads: int,
    module: nn.Module,
    example: tuple[Tensor, ...],
    *,
    hint: str = "f32",
    prepare: Callable[[Any], None] | None = None,
) -> Any:
    """Compile a part of the network for batches of any size, once it is prepared.

    Raises ImportError, RuntimeError.
    """
    import openvino  # noqa: PLC0415
    from openvino.frontend import FrontEndManager  # noqa: PLC0415
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415

    with torch.inference_mode(), warnings.catch_warnings():
        # The way that needs no compiler, and that torch would rather we left.
        warnings.simplefilter("ignore", FutureWarning)
        decoder = TorchScriptPythonDecoder(module, example_input=example)
    frontend = FrontEndManager().load_by_framework("pytorch")
    model = frontend.convert(frontend.load(decoder))
    for given, one in zip(model.inputs, example, strict=True):
        kind = openvino.Type.u8 if one.dtype is torch.uint8 else openvino.Type.f32
        given.get_node().set_element_type(kind)
        given.get_node().set_partial_shape(openvino.PartialShape([-1, *one.shape[1:]]))
    model.validate_nodes_and_infer_types()
    if prepare is not None:
        prepare(model)
    return core.compile_model(
        model,
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": hint,
            # Every process would hold the same first core and leave the others idle.
            "ENABLE_CPU_PINNING": False,
        },
    )


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
    """The outputs that predicting takes, so that the others cost nothing."""

    def __init__(self, network: LandmarkNetwork) -> None:
        super().__init__()
        self._network = network

    def forward(self, refined: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        output = self._network.read(refined, pooled)
        return output.points, output.log_scales, output.frontal
