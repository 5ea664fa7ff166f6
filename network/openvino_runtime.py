"""The OpenVINO runtime, which on a CPU takes little more than half of torch's time.

This module does not load torch: serving needs only a converted network (`network.conversion`).
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from network.card import Ranges
from network.errors import RuntimeUnavailable
from network.prediction import Prediction
from network.readout import predictions
from network.runtime import Runtime

Floats = npt.NDArray[np.float32]

_X86 = frozenset({"x86_64", "AMD64"})


class Form(StrEnum):
    """Numeric form of a converted network."""

    PLAIN = "plain"
    EIGHT_BITS = "eight-bits"
    EIGHT_BITS_IN_PAIRS = "eight-bits-in-pairs"  # for CPUs that add products in pairs, in 16 bits


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Precision of a network on a CPU: int8, bf16 or fp32. ``hint``: OpenVINO's precision hint."""

    precision: str
    form: Form
    hint: str

    @classmethod
    def of_this_cpu(cls, ranges: Ranges | None, *, exact: bool = False) -> Self:
        """Return the fastest one that moves landmarks by less than 0.1 px; fp32 if ``exact``.

        Raises RuntimeUnavailable.
        """
        capabilities = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return cls.fastest(capabilities, ranges, exact=exact)

    @classmethod
    def fastest(
        cls, capabilities: Collection[str], ranges: Ranges | None, *, exact: bool = False
    ) -> Self:
        """Return the fastest one for a CPU with these OpenVINO ``OPTIMIZATION_CAPABILITIES``."""
        rest = "bf16" if "BF16" in capabilities and not exact else "fp32"
        hint = "f32" if rest == "fp32" else rest
        # OpenVINO reports INT8 for every CPU; its effect on points was measured on x86 only.
        if exact or ranges is None or platform.machine() not in _X86:
            return cls(rest, Form.PLAIN, hint)
        # A CPU with bf16 also sums int8 products exactly; an older one may not.
        form = Form.EIGHT_BITS if "BF16" in capabilities else Form.EIGHT_BITS_IN_PAIRS
        return cls("int8", form, hint)


class Parts(NamedTuple):
    """A converted network: three OpenVINO models for batches of any size.

    ``views``: (N, S, S) uint8 to (N, 3, S, S) views; ``features``: views to refined and pooled
    features; ``readings``: features to points, log scales and frontal logits.
    """

    views: Any
    features: Any
    readings: Any


class OpenVinoPredictor:
    """Predicts nineteen points with their spreads for batches of prepared inputs, on the CPU.

    Layers not in int8 are computed in bf16 where the CPU supports it, else in fp32. Views and
    readings are always fp32: bf16 views would move points by 0.5 px of a 224 frame; as it is, bf16
    moves them by 0.02 px and int8 by 0.03 to 0.04 px.
    """

    runtime = Runtime.OPENVINO
    device_name = "cpu"

    def __init__(
        self,
        parts: Parts,
        arithmetic: Arithmetic,
        *,
        threads: int | None = None,
        flip: bool = False,
    ) -> None:
        """Compile a network. ``flip``: average with the prediction on the mirror image.

        ``threads``: None is all available cores. Raises RuntimeUnavailable.
        """
        self.precision = arithmetic.precision
        self._flip = flip
        try:
            self._views = _compiled(parts.views, threads)
            self._features = _compiled(parts.features, threads, arithmetic.hint)
            self._readings = _compiled(parts.readings, threads)
        except RuntimeError as exc:
            raise RuntimeUnavailable.about("openvino") from exc

    def predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Predict (N, S, S) prepared squares, in pieces whose sizes are powers of two.

        OpenVINO keeps memory for each batch size it has run: 60 MB for all sizes up to 16.
        """
        return [each for piece in _pieces(len(pixels)) for each in self._predict(pixels[piece])]

    def _predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        views: Floats = np.array(self._views(np.ascontiguousarray(pixels))[0])
        read = self.read(views)
        if self._flip:
            # Views and mirroring commute.
            read += self.read(views[..., ::-1])
        return predictions(read, pixels.shape[2])

    def read(self, views: Floats) -> list[Floats]:
        """Return points, log scales and frontal logits for (N, 3, S, S) views."""
        features = self._features(np.ascontiguousarray(views))
        readings = self._readings([features[0], features[1]])
        # The next batch overwrites these arrays.
        return [np.array(readings[number]) for number in range(3)]


#: Files written by `write_parts`.
PART_FILES = tuple(f"{name}.{end}" for name in Parts._fields for end in ("xml", "bin"))


def read_parts(files: Mapping[str, bytes]) -> Parts:
    """Read a network from the files of `write_parts`. Raises RuntimeUnavailable."""
    core = _core()
    try:
        return Parts(
            *(core.read_model(files[f"{name}.xml"], files[f"{name}.bin"]) for name in Parts._fields)
        )
    except RuntimeError as exc:
        raise RuntimeUnavailable.about("openvino") from exc


def write_parts(parts: Parts, folder: Path) -> None:
    """Write a converted network into an empty folder."""
    openvino = load_openvino()
    for name, model in zip(Parts._fields, parts, strict=True):
        openvino.serialize(model, folder / f"{name}.xml")


def load_openvino() -> Any:
    """Import OpenVINO on first use; training and accelerators do not need it.

    Raises RuntimeUnavailable.
    """
    # Disable OpenVINO telemetry: its converter reports each use to Google Analytics.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino  # noqa: PLC0415
    except ImportError as exc:
        raise RuntimeUnavailable.about("openvino") from exc
    return openvino


def _pieces(count: int) -> Iterator[slice]:
    """Split a batch into pieces whose sizes are powers of two, the largest first."""
    start = 0
    while start < count:
        size = 1 << ((count - start).bit_length() - 1)
        yield slice(start, start + size)
        start += size


def _core() -> Any:
    try:
        return load_openvino().Core()
    except RuntimeError as exc:
        raise RuntimeUnavailable.about("openvino") from exc


def _compiled(model: Any, threads: int | None, hint: str = "f32") -> Any:
    """Compile a part for batches of any size. Raises RuntimeUnavailable, RuntimeError."""
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": hint,
        # Pinning would put every process on the same first cores.
        "ENABLE_CPU_PINNING": False,
    }
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    return _core().compile_model(model, "CPU", settings)
