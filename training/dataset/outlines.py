"""Outlines of heart and lungs: reading masks, and comparing them with image and callipers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from radiograph.landmarks import Landmark
from training.dataset.cardiothoracic import OUTLINE_FOLDERS
from training.errors import DatasetInvalid

#: Tolerance of a calliper from the edge of its outline, px of the image.
TOLERANCE_PX = 2.0
#: Largest share of the heart's outline that may overlap a lung; contours cross at the border.
MOST_SHARED = 0.10
#: Grey level from which a pixel is inside.
INSIDE_FROM = 128


def read_mask(path: Path) -> Image.Image:
    """Return a mask as 8-bit grey. Raises DatasetInvalid."""
    try:
        with Image.open(path) as mask:
            return mask.convert("L")
    except (OSError, ValueError, Image.DecompressionBombError) as exc:
        raise DatasetInvalid.because(f"mask {path.name}: {exc}") from exc


def mask_misfits(
    masks: tuple[Path, ...], points: npt.NDArray[np.float32], rows: int, columns: int
) -> Iterator[str]:
    """Yield how masks contradict the size of a radiograph or its (19, 2) points.

    ``masks`` are heart, left and right lung; left is the patient's, on the right of the image.
    """
    inside: dict[str, npt.NDArray[np.bool_]] = {}
    for name, path in zip(OUTLINE_FOLDERS, masks, strict=True):
        try:
            mask = read_mask(path)
        except DatasetInvalid as exc:
            yield f"{name}: {exc}"
            continue
        drawn = np.asarray(mask) >= INSIDE_FROM
        if drawn.shape != (rows, columns):
            yield f"{name} is {mask.width} x {mask.height}, the image {columns} x {rows}"
        elif not drawn.any():
            yield f"{name} is empty"
        else:
            inside[name] = drawn
    if "heart" in inside:
        ends = _reach(inside["heart"])
        yield from _apart("heart", ends, points[[Landmark.HEART_RIGHT, Landmark.HEART_LEFT], 0])
    if len(inside) == len(OUTLINE_FOLDERS):
        yield from _heart_misplaced(inside)
    if {"left_lung", "right_lung"} <= set(inside):
        left, right = _reach(inside["left_lung"]), _reach(inside["right_lung"])
        if left.mean() < right.mean():
            yield "left_lung is on the image's left, which is the patient's right"
        else:
            ends = np.array([right[0], left[1]])
            callipers = points[[Landmark.THORAX_RIGHT, Landmark.THORAX_LEFT], 0]
            yield from _apart("lungs", ends, callipers)


def _heart_misplaced(inside: dict[str, npt.NDArray[np.bool_]]) -> Iterator[str]:
    """Yield faults of the heart's position: beyond a lung, or largely on the lungs."""
    right, heart, left = (
        _reach(inside[name]).mean() for name in ("right_lung", "heart", "left_lung")
    )
    if right < left and not right < heart < left:
        yield "heart is not between the lungs: was it exchanged with one of them?"
    lungs = inside["left_lung"] | inside["right_lung"]
    shared = float((inside["heart"] & lungs).sum() / inside["heart"].sum())
    if shared > MOST_SHARED:
        yield f"{100 * shared:.0f} % of heart is lung too"


def _reach(drawn: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the first and the last column of an outline."""
    columns = np.flatnonzero(drawn.any(axis=0))
    return np.array([columns[0], columns[-1]], np.float64)


def _apart(
    name: str, ends: npt.NDArray[np.float64], callipers: npt.NDArray[np.float32]
) -> Iterator[str]:
    if (np.abs(ends - callipers) > TOLERANCE_PX).any():  # false where a calliper is missing
        edges = " and ".join(f"{x:g}" for x in callipers)
        yield f"{name} outlined from x = {ends[0]:g} to {ends[1]:g}, the callipers are at {edges}"
