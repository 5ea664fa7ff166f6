"""Loading a network onto a device, and the choice of runtime and precision."""

from __future__ import annotations

from pathlib import Path

import structlog

from network.card import ModelCard, verify_weights
from network.conversion_cache import cached_parts
from network.errors import RuntimeUnavailable
from network.openvino_runtime import Arithmetic, OpenVinoPredictor, Parts
from network.prediction import Predicts
from network.runtime import Runtime

_log = structlog.stdlib.get_logger(__name__)


def load_predictor(
    card: ModelCard,
    device: str,
    *,
    exact: bool = False,
    runtime: Runtime = Runtime.AUTO,
    threads: int | None = None,
    cache: Path | None = None,
    key: bytes = b"",
) -> Predicts:
    """Load the card's weights onto ``device`` ("cpu", "cuda", "cuda:0"; also "cuda" for ROCm).

    Uses the fastest precision that moves landmarks by less than 0.1 px of a 224 frame: int8 on a
    CPU if the card has ranges, fp16 on an accelerator; fp32 if ``exact``.
    ``runtime``: AUTO is the fastest one installed, TORCH the reference.
    ``threads``: OpenVINO threads; None is all available cores. ``cache``: folder of converted
    networks, with which the next process on a CPU starts without torch; ``key``: HMAC key that
    authenticates its files, since others may be able to write there.
    Raises WeightsMissing, WeightsMismatch, DeviceUnavailable, RuntimeUnavailable.
    """
    verify_weights(card)
    flip = bool(card.card.get("test_time_flip", False))
    on_cpu = device == "cpu"
    if runtime is Runtime.OPENVINO and not on_cpu:
        raise RuntimeUnavailable("OpenVINO is for a CPU; set THORAQ_RUNTIME=auto")
    if runtime is not Runtime.TORCH and on_cpu:
        try:
            arithmetic = Arithmetic.of_this_cpu(card.ranges, exact=exact)
            parts = _parts(card, arithmetic, cache, key)
            return OpenVinoPredictor(parts, arithmetic, threads=threads, flip=flip)
        except RuntimeUnavailable as exc:
            if runtime is Runtime.OPENVINO:
                raise
            _log.warning("falling back to torch, which is slower", reason=str(exc))
    # Imported here because torch takes seconds and half a gigabyte to load.
    from network.predictor import TorchPredictor  # noqa: PLC0415
    from network.weights import load_network  # noqa: PLC0415

    predictor = TorchPredictor(load_network(card), device, flip=flip)
    if runtime is Runtime.AUTO and not on_cpu:
        predictor.capture(exact=exact)
    return predictor


def _parts(card: ModelCard, arithmetic: Arithmetic, cache: Path | None, key: bytes) -> Parts:
    """Return a converted network. Raises RuntimeUnavailable, WeightsMismatch."""
    if cache is not None:
        try:
            return cached_parts(card, arithmetic.form, cache, key)
        except OSError as exc:
            _log.warning("the converted network cannot be cached", error=type(exc).__name__)
    from network.conversion import converted  # noqa: PLC0415 - as above
    from network.weights import load_network  # noqa: PLC0415

    return converted(load_network(card), arithmetic.form, card.ranges)
