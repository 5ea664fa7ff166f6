"""Predictions of one network on one device: the only place where serving meets a runtime."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from network.axis import onto_axis
from network.captured import Captured
from network.card import ModelCard
from network.channels import channels
from network.errors import DeviceMemoryExhausted, DeviceUnavailable, RuntimeUnavailable
from network.half_network import HalfNetwork
from network.landmark_network import LandmarkNetwork, NetworkOutput, Reading
from network.openvino_runtime import CompiledNetwork
from network.prediction import Prediction, Runtime
from network.quantization import Ranges
from network.weights import load_network
from radiograph.landmarks import ANATOMICAL, MIRROR


class Predictor:
    """Nineteen points with their spreads for batches of prepared inputs.

    As it is made it computes by torch in fp32, the reference that every other way is held to;
    `load` chooses the fastest. ``device_name`` and ``precision`` go into the provenance of each
    measurement.
    """

    def __init__(self, network: LandmarkNetwork, device: str, *, flip: bool = False) -> None:
        try:
            self._device = torch.device(device)
            self._network = network.eval().to(self._device)
        except (RuntimeError, AssertionError) as exc:
            raise DeviceUnavailable(f"{device}: {DeviceUnavailable.__doc__}") from exc
        # What is called fp32 is fp32: by itself torch takes eleven bits on newer devices.
        torch.backends.cudnn.allow_tf32 = False
        self._flip = flip
        self._views: Callable[[Tensor], Tensor] = channels
        self._run: Callable[[Tensor], NetworkOutput | Reading] = self._network.from_views
        self._compute: Callable[[Tensor], tuple[Tensor, ...]] = self._read
        self.precision = "fp32"
        self.runtime = Runtime.TORCH
        self.device_name = (
            torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else "cpu"
        )

    @classmethod
    def load(
        cls,
        card: ModelCard,
        device: str,
        *,
        exact: bool = False,
        runtime: Runtime = Runtime.AUTO,
    ) -> Self:
        """Load the card's weights onto ``device`` ("cpu", "cuda", "cuda:0"; ROCm says cuda too).

        In the fastest arithmetic that moves landmarks by less than 0.1 px of a 224 frame: int8 on a
        CPU if the card has ranges for it, fp16 on an accelerator; in fp32 where ``exact``.
        ``runtime``: what computes; the fastest that is installed where AUTO.
        Raises WeightsMissing, WeightsMismatch, DeviceUnavailable, RuntimeUnavailable.
        """
        flip = bool(card.card.get("test_time_flip", False))
        predictor = cls(load_network(card), device, flip=flip)
        if runtime is Runtime.TORCH:
            return predictor
        if predictor._device.type == "cpu":
            predictor._compile(runtime, exact=exact, ranges=card.ranges)
        elif runtime is Runtime.OPENVINO:
            raise RuntimeUnavailable("OpenVINO is for a CPU; set THORAQ_RUNTIME=auto")
        else:
            predictor._capture(exact=exact)
        return predictor

    def _compile(self, runtime: Runtime, *, exact: bool, ranges: Ranges | None) -> None:
        """Compute by OpenVINO."""
        threads = torch.get_num_threads()
        try:
            compiled = CompiledNetwork(self._network, threads, reduced=not exact, ranges=ranges)
        except RuntimeUnavailable:
            if runtime is Runtime.OPENVINO:
                raise
            return
        self._views, self._run = compiled.views, compiled
        self.precision = compiled.precision
        self.runtime = Runtime.OPENVINO

    def _capture(self, *, exact: bool) -> None:
        """Compute on an accelerator as fast as torch can. Raises DeviceUnavailable."""
        if not exact:
            try:
                self._run = HalfNetwork(self._network)
            except RuntimeError as exc:
                raise DeviceUnavailable(f"{self._device}: {DeviceUnavailable.__doc__}") from exc
            self.precision = "fp16"
        self._compute = Captured(self._read, self._device)

    def predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Predict (N, S, S) prepared squares. Raises DeviceMemoryExhausted; halve N then."""
        try:
            with torch.inference_mode():
                # Bytes travel to the device, and a few numbers a film back, all at once.
                read = [each.cpu() for each in self._compute(torch.from_numpy(pixels))]
                return _predictions(read, side=pixels.shape[2])
        except torch.cuda.OutOfMemoryError as exc:
            torch.cuda.empty_cache()
            raise DeviceMemoryExhausted(
                f"{len(pixels)} images: {DeviceMemoryExhausted.__doc__}"
            ) from exc

    def _read(self, grey: Tensor) -> tuple[Tensor, ...]:
        """Return the fields of a `Reading` of (N, S, S) films, and of their mirror images."""
        views = self._views(grey.to(self._device))
        # The views of a mirrored film are its views mirrored.
        readings = [
            self._run(each) for each in ((views, views.flip(3)) if self._flip else (views,))
        ]
        return tuple(
            field for each in readings for field in (each.points, each.log_scales, each.frontal)
        )


def _predictions(read: list[Tensor], side: int) -> list[Prediction]:
    """Make predictions of a reading, and of that of the mirror images where there is one."""
    points, log_scales, frontal = (each.double() for each in read[:3])
    # A Laplace variable of scale b has the variance 2 b squared.
    spreads = log_scales.exp() * math.sqrt(2.0)
    disagreement = None
    if len(read) > len(Reading._fields):
        order = torch.tensor(MIRROR)
        back, back_scales = (each.double()[:, order] for each in read[3:5])
        back[..., 0] = side - 1 - back[..., 0]
        apart = (back - points).abs()
        disagreement = apart[:, list(ANATOMICAL)].norm(dim=2).mean(dim=1)
        points = (points + back) / 2
        spreads = (spreads + back_scales.exp() * math.sqrt(2.0)) / 2
        # Half of what two readings differ by is their deviation.
        spreads = spreads + apart / 2
    x_spread, y_spread = spreads.unbind(dim=2)
    # Callipers measure along x alone; an anatomical point errs both ways.
    radial = torch.hypot(x_spread, y_spread)
    anatomical = torch.arange(points.shape[1]) < len(ANATOMICAL)
    spread = torch.where(anatomical, radial, x_spread).numpy()
    said = points.numpy()
    placed = onto_axis(said, spread)
    # How far a point had to move onto the figure tells of its error as well as its spread does.
    spread = spread + np.linalg.norm(placed - said, axis=2)
    upright = frontal.sigmoid()
    return [
        Prediction(
            points=placed[i],
            spreads=spread[i],
            frontal_probability=float(upright[i]),
            flip_disagreement_px=None if disagreement is None else float(disagreement[i]),
        )
        for i in range(len(placed))
    ]
