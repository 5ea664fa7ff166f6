"""The torch runtime: the reference, and the runtime for accelerators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from network.channels import channels
from network.errors import DeviceMemoryExhausted, DeviceUnavailable
from network.graph_replay import GraphReplay
from network.half_network import HalfNetwork
from network.landmark_network import LandmarkNetwork, NetworkOutput, Reading
from network.prediction import Prediction
from network.readout import predictions
from network.runtime import Runtime


class TorchPredictor:
    """Predicts nineteen points with their spreads for batches of prepared inputs.

    By default it computes in fp32, layer by layer: the reference for all other runtimes.
    ``device_name`` and ``precision`` are stored in the provenance of each measurement.
    """

    runtime = Runtime.TORCH

    def __init__(self, network: LandmarkNetwork, device: str, *, flip: bool = False) -> None:
        """Move ``network`` to a device. ``flip``: average with the prediction on the mirror image.

        Raises DeviceUnavailable.
        """
        try:
            self._device = torch.device(device)
            self._network = network.eval().to(self._device)
        except (RuntimeError, AssertionError) as exc:
            raise DeviceUnavailable.about(device) from exc
        # True fp32: by default torch convolves in TF32, 11 significand bits, on newer devices.
        torch.backends.cudnn.allow_tf32 = False
        self._flip = flip
        self._run: Callable[[Tensor], NetworkOutput | Reading] = self._network.from_views
        self._compute: Callable[[Tensor], tuple[Tensor, ...]] = self._read
        self.precision = "fp32"
        self.device_name = (
            torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else "cpu"
        )

    def capture(self, *, exact: bool) -> None:
        """Switch to fp16 (fp32 if ``exact``) and CUDA graphs, the fastest on an accelerator.

        Raises DeviceUnavailable.
        """
        if not exact:
            try:
                self._run = HalfNetwork(self._network)
            except RuntimeError as exc:
                raise DeviceUnavailable.about(self._device) from exc
            self.precision = "fp16"
        self._compute = GraphReplay(self._read, self._device)

    def predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Predict (N, S, S) prepared squares. Raises DeviceMemoryExhausted: retry with N / 2."""
        try:
            with torch.inference_mode():
                # One transfer of bytes to the device and one of a few numbers per image back.
                computed = self._compute(torch.from_numpy(pixels))
                return predictions([each.cpu().numpy() for each in computed], pixels.shape[2])
        except torch.cuda.OutOfMemoryError as exc:
            torch.cuda.empty_cache()
            raise DeviceMemoryExhausted.about(f"{len(pixels)} images") from exc

    def _read(self, grey: Tensor) -> tuple[Tensor, ...]:
        """Return the fields of a `Reading` for (N, S, S) squares, then for their mirror images."""
        views = channels(grey.to(self._device))
        # Views and mirroring commute.
        readings = [
            self._run(each) for each in ((views, views.flip(3)) if self._flip else (views,))
        ]
        return tuple(
            field for each in readings for field in (each.points, each.log_scales, each.frontal)
        )
