"""Annotated radiographs as arrays: images, the points each has, outlines, split and source.

Points and outlines are in the pixels of the prepared square (``side`` with its margin), so that
augmentation and evaluation share one frame; ``scale`` converts them to px of a 224 frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from PIL import Image

from network.input import INPUT_SIDE_PX, MARGIN_PX, fit_affine, prepare
from radiograph.errors import RadiographError
from radiograph.landmarks import ANATOMICAL, CALLIPERS, Landmark
from radiograph.reading import ReadLimits, read
from radiograph.records import ERROR_FRAME_PX
from training.dataset import landmarks15, original
from training.dataset.cardiothoracic import CALLIPER_COLUMNS, OUTLINE_FOLDERS
from training.dataset.layouts import usable_radiographs
from training.dataset.outlines import read_mask
from training.dataset.radiographs import AnnotatedRadiograph
from training.errors import DatasetInvalid

POINTS = len(Landmark)
#: Side of the square before augmentation: larger than the network's, so that zoom stays sharp.
TRAINING_SIDE_PX = 160
#: Sources whose radiographs were annotated with the fifteen landmarks, not with outlines.
LANDMARK_SOURCES = (landmarks15.FOLDER, original.SOURCE)
#: Sources that are never trained, tuned or calibrated on.
EXTERNAL_SPLIT = "external"

__all__ = ["CALLIPER_COLUMNS", "OUTLINE_FOLDERS", "Samples", "read_samples", "training_samples"]


@dataclass(frozen=True, slots=True)
class Samples:
    """N annotated radiographs.

    ``images`` (N, side, side) uint8; ``points`` (N, 19, 2) float32 ``(x, y)`` px of the square,
    NaN where an image has no such point; ``outlines`` (N, 3, side, side) uint8 0/1 in the order
    heart, left lung, right lung; ``outlined`` (N,) whether annotated; ``frontal`` (N,) 1 for
    an upright frontal chest, 0 for anything else; ``scale`` (N,) px of a 224 frame per px of the
    square; ``names``, ``sources``, ``categories``, ``splits`` (N,) strings.
    """

    images: npt.NDArray[np.uint8]
    points: npt.NDArray[np.float32]
    outlines: npt.NDArray[np.uint8]
    outlined: npt.NDArray[np.bool_]
    frontal: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    names: npt.NDArray[np.str_]
    sources: npt.NDArray[np.str_]
    categories: npt.NDArray[np.str_]
    splits: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.images)

    def where(self, keep: npt.NDArray[np.bool_]) -> Samples:
        """Return the samples for which ``keep`` (N,) is true."""
        return Samples(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})

    def has_landmarks(self) -> npt.NDArray[np.bool_]:
        """Return (N,) whether all fifteen anatomical landmarks are annotated."""
        return np.asarray(np.isfinite(self.points[:, list(ANATOMICAL)]).all(axis=(1, 2)))

    def has_callipers(self) -> npt.NDArray[np.bool_]:
        """Return (N,) whether all four calliper points are annotated."""
        return np.asarray(np.isfinite(self.points[:, list(CALLIPERS)]).all(axis=(1, 2)))

    def split(self, *names: str) -> Samples:
        """Return the samples of the named splits."""
        return self.where(np.isin(self.splits, names))

    @classmethod
    def join(cls, parts: Iterable[Samples]) -> Samples:
        """Return the concatenation of samples."""
        kept = [part for part in parts if len(part)]
        return cls(
            **{f.name: np.concatenate([getattr(p, f.name) for p in kept]) for f in fields(cls)}
        )

    def save(self, path: Path) -> None:
        """Write one compressed file, to carry a data set to another machine."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        arrays["outlines"] = np.packbits(self.outlines, axis=-1)
        np.savez_compressed(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the samples of a file written by ``save``."""
        # Opened here, because numpy does not close a file that it cannot read.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            values = {f.name: arrays[f.name] for f in fields(cls)}
        values["outlines"] = np.unpackbits(values["outlines"], axis=-1)
        return cls(**values)


def read_samples(data: Path, *, side: int = TRAINING_SIDE_PX) -> Samples:
    """Return the samples of every data set under ``data``, in any layout.

    Raises DataMissing, and DatasetInvalid for an unusable row or image.
    """
    return _stack(usable_radiographs(data), side)


def carried_file(data: Path, side: int) -> Path:
    """Return the path of saved samples with this side, for use on another machine."""
    return data / f"samples-{side}.npz"


def training_samples(data: Path, side: int) -> Samples:
    """Return the samples for training: the saved file if it exists, else the data sets.

    Raises DataMissing, DatasetInvalid.
    """
    carried = carried_file(data, side)
    if not carried.exists():
        return read_samples(data, side=side)
    try:
        return Samples.load(carried)
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as exc:
        raise DatasetInvalid.because(f"{carried.name}: {exc}") from exc


def read_pixels(radiograph: AnnotatedRadiograph) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Return the pixels of a radiograph, read as by a worker. Raises DatasetInvalid."""
    try:
        return read(radiograph.path, ReadLimits()).pixels
    except RadiographError as exc:
        raise DatasetInvalid.because(f"{radiograph.name}: [{exc.code}] {exc}") from exc


def _stack(radiographs: Sequence[AnnotatedRadiograph], side: int) -> Samples:
    images, points, outlines, outlined, scales = [], [], [], [], []
    for radiograph in radiographs:
        pixels = read_pixels(radiograph)
        prepared = prepare(pixels, side=side, margin=training_margin(side))
        images.append(prepared.pixels)
        step = prepared.to_upright[(0, 1), (0, 1)]
        points.append(((radiograph.points - prepared.to_upright[:, 2]) / step).astype(np.float32))
        scales.append(float(step[0]) * ERROR_FRAME_PX / max(pixels.shape))
        outlined.append(radiograph.masks is not None)
        outlines.append(
            np.zeros((len(OUTLINE_FOLDERS), side, side), np.uint8)
            if radiograph.masks is None
            else np.stack([fit_mask(read_mask(mask), side) for mask in radiograph.masks])
        )
    return Samples(
        images=np.stack(images),
        points=np.stack(points),
        outlines=np.stack(outlines),
        outlined=np.array(outlined),
        frontal=np.ones(len(radiographs), np.float32),
        scale=np.array(scales, np.float32),
        names=np.array([radiograph.name for radiograph in radiographs]),
        sources=np.array([radiograph.source for radiograph in radiographs]),
        categories=np.array([radiograph.category for radiograph in radiographs]),
        splits=np.array([radiograph.split for radiograph in radiographs]),
    )


def training_margin(side: int) -> int:
    """Return the margin of a square of ``side``, in the proportion of the network's input."""
    return round(MARGIN_PX * side / INPUT_SIDE_PX)


def fit_mask(mask: Image.Image, side: int) -> npt.NDArray[np.uint8]:
    """Return a mask in file pixels fitted into the square, 0 or 1."""
    to_upright = fit_affine(mask.height, mask.width, side, training_margin(side))
    # Pillow's affine is relative to pixel corners; ours to pixel centres.
    (a, b, c), (d, e, f) = to_upright
    fitted = mask.transform(
        (side, side),
        Image.Transform.AFFINE,
        (a, b, c + 0.5 - 0.5 * (a + b), d, e, f + 0.5 - 0.5 * (d + e)),
        Image.Resampling.BILINEAR,
    )
    return (np.asarray(fitted) >= 128).astype(np.uint8)
