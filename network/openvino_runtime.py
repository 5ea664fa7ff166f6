"""The network computed by OpenVINO, which on a CPU takes little more than half of torch's time.

Nothing here loads torch: a converted network (`network.conversion`) is all that serving takes.
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
    """What a network is converted to."""

    PLAIN = "plain"
    EIGHT_BITS = "eight-bits"
    EIGHT_BITS_IN_PAIRS = "eight-bits-in-pairs"  # for a CPU that adds products in pairs of 16 bits


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a CPU computes a network. ``precision`` int8, bf16 or fp32; ``hint`` OpenVINO's."""

    precision: str
    form: Form
    hint: str

    @classmethod
    def of_this_cpu(cls, ranges: Ranges | None, *, exact: bool = False) -> Self:
        """Return the fastest that moves landmarks by less than 0.1 px; fp32 where ``exact``.

        Raises RuntimeUnavailable.
        """
        able = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return cls.fastest(able, ranges, exact=exact)

    @classmethod
    def fastest(cls, able: Collection[str], ranges: Ranges | None, *, exact: bool = False) -> Self:
        """Return that of a CPU which is ``able`` to do what OpenVINO names so."""
        rest = "bf16" if "BF16" in able and not exact else "fp32"
        hint = "f32" if rest == "fp32" else rest
        # Every CPU is said to have eight bits; what they do to points was measured on x86 alone.
        if exact or ranges is None or platform.machine() not in _X86:
            return cls(rest, Form.PLAIN, hint)
        # A CPU that has bf16 also sums products of eight bits exactly; an older one may not.
        form = Form.EIGHT_BITS if "BF16" in able else Form.EIGHT_BITS_IN_PAIRS
        return cls("int8", form, hint)


class Parts(NamedTuple):
    """A converted network: models of OpenVINO for batches of any size.

    ``views`` makes (N, 3, S, S) of (N, S, S) uint8; ``features`` what is read off of those;
    ``readings`` the points, logarithms of scales and logits of that.
    """

    views: Any
    features: Any
    readings: Any


class OpenVinoPredictor:
    """Nineteen points with their spreads for batches of prepared inputs, on the CPU.

    What int8 does not round is computed in bf16 where the CPU has that, else in fp32. The views are
    made and the points read off in fp32 either way: with the views in bf16, points move by 0.5 px
    of a 224 frame; without, by 0.02 px, in int8 by 0.03 to 0.04 px.
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
        """Compile a network; with ``flip`` it reads mirror images too.

        ``threads``: every core it may use where None. Raises RuntimeUnavailable.
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
        """Predict (N, S, S) prepared squares, in pieces of 1, 2, 4, 8, ... of them.

        OpenVINO keeps memory for each size of batch that it has met: 60 MB after all up to 16.
        """
        return [each for piece in _pieces(len(pixels)) for each in self._predict(pixels[piece])]

    def _predict(self, pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        views: Floats = np.array(self._views(np.ascontiguousarray(pixels))[0])
        read = self.read(views)
        if self._flip:
            # The views of a mirrored film are its views mirrored.
            read += self.read(views[..., ::-1])
        return predictions(read, pixels.shape[2])

    def read(self, views: Floats) -> list[Floats]:
        """Read points, logarithms of scales and logits off (N, 3, S, S) views."""
        features = self._features(np.ascontiguousarray(views))
        said = self._readings([features[0], features[1]])
        # The next batch is written to the same place.
        return [np.array(said[number]) for number in range(3)]


#: The files that `write_parts` writes.
PART_FILES = tuple(f"{name}.{end}" for name in Parts._fields for end in ("xml", "bin"))


def read_parts(files: Mapping[str, bytes]) -> Parts:
    """Read a network from the files that `write_parts` wrote. Raises RuntimeUnavailable."""
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
    """Import OpenVINO where it is used: training and other devices do without.

    Raises RuntimeUnavailable.
    """
    # Its converter would report each use to Google Analytics by this; without it it is silent.
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
        # Every process would hold the same first core and leave the others idle.
        "ENABLE_CPU_PINNING": False,
    }
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    return _core().compile_model(model, "CPU", settings)
