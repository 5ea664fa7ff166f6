"""Predictions of one network by torch: the reference, and what serves accelerators."""

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
    """Nineteen points with their spreads for batches of prepared inputs.

    As it is made it computes in fp32, layer by layer: the reference that every other way is held
    to. ``device_name`` and ``precision`` go into the provenance of each measurement.
    """

    runtime = Runtime.TORCH

    def __init__(self, network: LandmarkNetwork, device: str, *, flip: bool = False) -> None:
        """Put ``network`` onto a device; ``flip``: read mirror images too.

        Raises DeviceUnavailable.
        """
        try:
            self._device = torch.device(device)
            self._network = network.eval().to(self._device)
        except (RuntimeError, AssertionError) as exc:
            raise DeviceUnavailable.about(device) from exc
        # What is called fp32 is fp32: by itself torch takes eleven bits on newer devices.
        torch.backends.cudnn.allow_tf32 = False
        self._flip = flip
        self._run: Callable[[Tensor], NetworkOutput | Reading] = self._network.from_views
        self._compute: Callable[[Tensor], tuple[Tensor, ...]] = self._read
        self.precision = "fp32"
        self.device_name = (
            torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else "cpu"
        )

    def capture(self, *, exact: bool) -> None:
        """Compute on an accelerator as fast as torch can; in fp32 where ``exact``.

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
        """Predict (N, S, S) prepared squares. Raises DeviceMemoryExhausted; halve N then."""
        try:
            with torch.inference_mode():
                # Bytes travel to the device, and a few numbers a film back, all at once.
                computed = self._compute(torch.from_numpy(pixels))
                return predictions([each.cpu().numpy() for each in computed], pixels.shape[2])
        except torch.cuda.OutOfMemoryError as exc:
            torch.cuda.empty_cache()
            raise DeviceMemoryExhausted.about(f"{len(pixels)} images") from exc

    def _read(self, grey: Tensor) -> tuple[Tensor, ...]:
        """Return the fields of a `Reading` of (N, S, S) films, and of their mirror images."""
        views = channels(grey.to(self._device))
        # The views of a mirrored film are its views mirrored.
        readings = [
            self._run(each) for each in ((views, views.flip(3)) if self._flip else (views,))
        ]
        return tuple(
            field for each in readings for field in (each.points, each.log_scales, each.frontal)
        )
