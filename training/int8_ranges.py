"""Int8 for a network: the ranges of its inputs, and how far its points move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from network.card import Ranges
from network.channels import channels
from network.conversion import converted
from network.errors import RuntimeUnavailable
from network.input import INPUT_SIDE_PX
from network.landmark_network import LandmarkNetwork
from network.openvino_runtime import Arithmetic, OpenVinoPredictor
from network.quantization import input_ranges
from radiograph.records import ERROR_FRAME_PX
from training.samples import Samples

#: More radiographs do not change the mean ranges.
_MOST_RADIOGRAPHS = 320
_BATCH = 16
#: Limit of the mean movement of points, px of a 224 frame.
MOST_PX = 0.1


@dataclass(frozen=True, slots=True)
class Quantization:
    """Input ranges of convolutions, and their effect on points.

    ``moved_px``: mean distance by which points of validation radiographs move from fp32, px of a
    224 frame.
    """

    ranges: Ranges
    radiographs: int
    moved_px: float


def find_quantization(
    network: LandmarkNetwork, samples: Samples, *, most_px: float = MOST_PX
) -> Quantization | None:
    """Return ranges computed on training radiographs and tested on validation radiographs.

    None without such radiographs, on a CPU that cannot test them, and if points move by
    ``most_px`` or more.
    """
    radiographs = _spread(samples.split("train").images)
    tried = _spread(samples.split("val").images)
    if not len(radiographs) or not len(tried):
        return None
    ranges = input_ranges(network, _views(radiographs))
    try:
        arithmetic = Arithmetic.of_this_cpu(ranges)
        parts = converted(network, arithmetic.form, ranges)
        rounded = OpenVinoPredictor(parts, arithmetic, threads=torch.get_num_threads())
    except RuntimeUnavailable:
        return None
    if rounded.precision != "int8":
        return None
    with torch.inference_mode():
        apart = [
            (
                torch.from_numpy(rounded.read(views.numpy())[0]) - network.from_views(views).points
            ).norm(dim=2)
            for views in _views(tried)
        ]
    moved = round(float(torch.cat(apart).mean()) * ERROR_FRAME_PX / INPUT_SIDE_PX, 4)
    return Quantization(ranges, len(radiographs), moved) if moved < most_px else None


def _spread(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return images[:: max(1, -(-len(images) // _MOST_RADIOGRAPHS))]


def _views(images: npt.NDArray[np.uint8]) -> Iterator[Tensor]:
    """Yield batches of views, and those of the mirror images."""
    for first in range(0, len(images), _BATCH):
        views = channels(torch.from_numpy(images[first : first + _BATCH]))
        yield views
        yield views.flip(3)
