"""Model cards: the identity, training data and test metrics of a set of weights.

A card is the JSON file beside the weights. Reading it does not load torch, so commands can.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from network.errors import CardInvalid, WeightsMismatch, WeightsMissing
from network.plain_files import plain_file

WEIGHTS_FOLDER = Path(__file__).parent / "weights"

CARD_FILE = "card.json"
#: Files that may accompany the card and the weights.
COMPANIONS = ("report.html",)
OTHER_FILES = frozenset({CARD_FILE, *COMPANIONS})
#: Size limits in bytes; the shipped card has 14 kB, its weights 23 MB.
MOST_OF_CARD = 16 << 20
MOST_OF_WEIGHTS = 2 << 30
MOST_OF_COMPANION = 256 << 20
#: A file name without path separators or a leading dot.
_NAME = re.compile(r"[^\W_][\w .+@=,-]{0,200}")

#: Lowest and highest input value of each convolution, by module name.
Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The card of a network.

    ``weights_digest``: SHA-256 of the safetensors file; ``calibration``: the curve from spreads
    to expected errors, None where the network is uncalibrated; ``ranges``: input ranges of its
    convolutions for int8, None where int8 would move its points; ``path``: file of the card;
    ``card``: its whole content.
    """

    path: Path
    version: str
    architecture: str
    weights_path: Path
    weights_digest: str
    calibration: Mapping[str, Any] | None
    ranges: Ranges | None
    card: Mapping[str, Any] = field(repr=False)


def load_card(path: Path) -> ModelCard:
    """Read a card. Raises CardInvalid."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_OF_CARD + 1)
    except OSError as exc:
        raise CardInvalid.about(path.name) from exc
    return read_card(path, text)


def load_foreign_card(path: Path, check: Callable[[str], object] = lambda _: None) -> ModelCard:
    """Read a card that is not our own; symbolic links are refused.

    ``check``: called with the version before anything else. Raises CardInvalid, ModelFileUnfit,
    and what ``check`` raises.
    """
    try:
        with plain_file(path, MOST_OF_CARD) as file:
            text = file.read(MOST_OF_CARD + 1)
    except (OSError, WeightsMissing) as exc:
        raise CardInvalid.about(path.name) from exc
    return read_card(path, text, check)


def read_card(
    path: Path, text: bytes, check: Callable[[str], object] = lambda _: None
) -> ModelCard:
    """Parse ``text``, the content of the card at ``path``.

    ``check``: as in `load_foreign_card`. Raises CardInvalid, and what ``check`` raises.
    """
    if len(text) > MOST_OF_CARD:
        raise CardInvalid.about(path.name)
    try:
        card = json.loads(text.decode("utf-8"))
        check(str(card["version"]))
        return ModelCard(
            path=path,
            version=str(card["version"]),
            architecture=str(card["architecture"]),
            weights_path=path.parent / _plain_name(card["weights"]["file"]),
            weights_digest=str(card["weights"]["sha256"]),
            calibration=card.get("calibration"),
            ranges=_ranges(card.get("quantization")),
            card=card,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise CardInvalid.about(path.name) from exc


def _plain_name(value: object) -> str:
    """Return the name of a file beside the card. Raises ValueError if it is a path."""
    name = str(value)
    if not _NAME.fullmatch(name) or name in OTHER_FILES:
        raise ValueError("the weights are not a file beside the card")
    return name


def _ranges(stored: Mapping[str, Any] | None) -> dict[str, tuple[float, float]] | None:
    """Parse ranges. Raises ValueError, KeyError, TypeError, AttributeError if invalid."""
    if stored is None:
        return None
    ranges = {
        str(name): (float(low), float(high)) for name, (low, high) in stored["ranges"].items()
    }
    if not all(math.isfinite(high - low) and low < high for low, high in ranges.values()):
        raise ValueError("a range is invalid")
    return ranges


def shipped_card() -> ModelCard:
    """Return the card of the shipped network. Raises CardInvalid."""
    cards = sorted(WEIGHTS_FOLDER.glob("*.json"))
    if len(cards) != 1:
        raise CardInvalid.because(f"{len(cards)} cards beside the shipped weights")
    return load_card(cards[0])


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex. Raises WeightsMissing."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise WeightsMissing.about(path.name) from exc


def verify_weights(card: ModelCard) -> None:
    """Check the weights against the digest in the card. Raises WeightsMissing, WeightsMismatch."""
    if file_digest(card.weights_path) != card.weights_digest:
        raise WeightsMismatch.about(card.weights_path.name)


def verified_weights(card: ModelCard) -> bytes:
    """Return the content of the weights file, verified. Raises WeightsMissing, WeightsMismatch."""
    try:
        content = card.weights_path.read_bytes()
    except OSError as exc:
        raise WeightsMissing.about(card.weights_path.name) from exc
    if hashlib.sha256(content).hexdigest() != card.weights_digest:
        raise WeightsMismatch.about(card.weights_path.name)
    return content
