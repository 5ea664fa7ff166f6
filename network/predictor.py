"""Predictions of one network on one device: the only place where serving meets a runtime."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from network.axis import onto_axis
from network.card import ModelCard
from network.channels import channels
from network.errors import DeviceMemoryExhausted, DeviceUnavailable, RuntimeUnavailable
from network.landmark_network import LandmarkNetwork, NetworkOutput
from network.openvino_runtime import CompiledNetwork, Reading
from network.prediction import Prediction, Runtime
from network.quantization import Ranges
from network.weights import load_network
from radiograph.landmarks import ANATOMICAL, MIRROR


class Predictor:
    """Nineteen points with their spreads for batches of prepared inputs.

    ``device_name`` and ``precision`` go into the provenance of each measurement.
    """

    def __init__(
        self, network: LandmarkNetwork, device: str, *, precision: str = "fp32", flip: bool = False
    ) -> None:
        try:
            self._device = torch.device(device)
            self._network = network.eval().to(self._device)
        except (RuntimeError, AssertionError) as exc:
            raise DeviceUnavailable(f"{device}: {DeviceUnavailable.__doc__}") from exc
        self._flip = flip
        self._views: Callable[[torch.Tensor], torch.Tensor] = channels
        self._run: Callable[[torch.Tensor], NetworkOutput | Reading] = self._network.from_views
        self.precision = precision
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
        precision: str | None = None,
        runtime: Runtime = Runtime.AUTO,
    ) -> Self:
        """Load the card's weights onto ``device`` ("cpu", "cuda", "cuda:0"; ROCm says cuda too).

        ``precision``: fp32 or bf16; where None, the fastest that moves landmarks by less than
        0.1 px of a 224 frame: on a CPU int8, if the card has ranges for it.
        ``runtime``: what computes; the fastest that is installed where AUTO.
        Raises WeightsMissing, WeightsMismatch, DeviceUnavailable, RuntimeUnavailable.
        """
        flip = bool(card.card.get("test_time_flip", False))
        predictor = cls(load_network(card), device, precision=precision or "fp32", flip=flip)
        if runtime is not Runtime.TORCH:
            predictor._compile(runtime, reduced=precision is None, ranges=card.ranges)
        return predictor

    def _compile(self, runtime: Runtime, *, reduced: bool, ranges: Ranges | None) -> None:
        if self._device.type == "cpu" and self.precision == "fp32":
            try:
                threads = torch.get_num_threads()
                compiled = CompiledNetwork(self._network, threads, reduced=reduced, ranges=ranges)
            except RuntimeUnavailable:
                if runtime is Runtime.OPENVINO:
                    raise
            else:
                self._views, self._run = compiled.views, compiled
                self.precision = compiled.precision
                self.runtime = Runtime.OPENVINO
        elif runtime is Runtime.OPENVINO:
            raise RuntimeUnavailable(
                "OpenVINO chooses bf16 itself, on a CPU; set THORAQ_RUNTIME=auto"
            )

    def predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Predict (N, S, S) prepared squares. Raises DeviceMemoryExhausted; halve N then."""
        try:
            with torch.inference_mode():
                return self._predict(torch.from_numpy(pixels).to(self._device))
        except torch.cuda.OutOfMemoryError as exc:
            torch.cuda.empty_cache()
            raise DeviceMemoryExhausted(
                f"{len(pixels)} images: {DeviceMemoryExhausted.__doc__}"
            ) from exc

    def _predict(self, grey: torch.Tensor) -> list[Prediction]:
        with torch.autocast(
            self._device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"
        ):
            views = self._views(grey)
            output = self._run(views)
            # The views of a mirrored film are its views mirrored.
            mirrored = self._run(views.flip(3)) if self._flip else None
        points = output.points.double()
        # A Laplace variable of scale b has the variance 2 b squared.
        spreads = output.log_scales.double().exp() * math.sqrt(2.0)
        disagreement = None
        if mirrored is not None:
            order = torch.tensor(MIRROR, device=grey.device)
            back = mirrored.points.double()[:, order]
            back[..., 0] = grey.shape[2] - 1 - back[..., 0]
            apart = (back - points).abs()
            disagreement = apart[:, list(ANATOMICAL)].norm(dim=2).mean(dim=1).cpu()
            points = (points + back) / 2
            spreads = (spreads + mirrored.log_scales.double()[:, order].exp() * math.sqrt(2.0)) / 2
            # Half of what two readings differ by is their deviation.
            spreads = spreads + apart / 2
        x_spread, y_spread = spreads.unbind(dim=2)
        # Callipers measure along x alone; an anatomical point errs both ways.
        radial = torch.hypot(x_spread, y_spread)
        anatomical = torch.arange(points.shape[1], device=grey.device) < len(ANATOMICAL)
        spread = torch.where(anatomical, radial, x_spread).cpu().numpy()
        frontal = output.frontal.double().sigmoid().cpu().numpy()
        said = points.cpu().numpy()
        placed = onto_axis(said, spread)
        # How far a point had to move onto the figure tells of its error as well as its spread does.
        spread = spread + np.linalg.norm(placed - said, axis=2)
        return [
            Prediction(
                points=placed[i],
                spreads=spread[i],
                frontal_probability=float(frontal[i]),
                flip_disagreement_px=None if disagreement is None else float(disagreement[i]),
            )
            for i in range(len(placed))
        ]
