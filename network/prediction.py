"""Input and output of the landmark network for one radiograph, before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from network.runtime import Runtime


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """The network's input for one radiograph; prepared in the reading process, without torch.

    ``pixels``: (INPUT_SIDE_PX, INPUT_SIDE_PX) uint8, letterboxed.
    ``to_upright``: (2, 3) float64 affine from input ``(x, y, 1)`` to upright pixels ``(x, y)``.
    """

    pixels: npt.NDArray[np.uint8]
    to_upright: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Landmarks of one radiograph in the pixels of the network's input.

    ``points``: (19, 2) float64 ``(x, y)``; ``spreads``: (19,) float64 standard deviations in the
    same pixels, plus the distance by which projection onto the figure moved the point;
    ``frontal_probability``: probability of an upright frontal chest;
    ``flip_disagreement_px``: mean distance to the prediction on the mirrored image, or None.
    """

    points: npt.NDArray[np.float64]
    spreads: npt.NDArray[np.float64]
    frontal_probability: float
    flip_disagreement_px: float | None = None


class Predicts(Protocol):
    """A network on a device. Its attributes are stored in the provenance of each measurement."""

    device_name: str
    precision: str
    runtime: Runtime

    def predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Predict (N, S, S) prepared squares. Raises DeviceMemoryExhausted: retry with N / 2."""
