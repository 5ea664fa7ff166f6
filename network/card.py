"""A model card: what a set of weights is, what it was trained on and how well it does.

The card is the JSON file beside the weights. Reading it needs no torch, so commands may.
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
#: Files beside card and weights that go with them.
COMPANIONS = ("report.html",)
OTHER_FILES = frozenset({CARD_FILE, *COMPANIONS})
#: Most bytes of a card, of weights and of a companion; the shipped ones are 14 kB and 23 MB.
MOST_OF_CARD = 16 << 20
MOST_OF_WEIGHTS = 2 << 30
MOST_OF_COMPANION = 256 << 20
#: No separator, and no dot at the start.
_NAME = re.compile(r"[^\W_][\w .+@=,-]{0,200}")

#: Lowest and highest value that goes into a convolution, by the name of its module.
Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Identity of a network.

    ``weights_digest`` is the SHA-256 of the safetensors file; ``calibration`` what turns spreads
    into expected errors, None where the network brings none; ``ranges`` what the inputs of its
    convolutions take up, None where eight bits would move its points; ``path`` where the card
    lies, ``card`` the whole of it.
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
    """Read a card from elsewhere, by no link.

    ``check``: looks at the version before anything else. Raises CardInvalid, ModelFileUnfit, and
    what ``check`` does.
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
    """Return the card that ``text`` is; ``path``: where it was.

    ``check``: as in `load_foreign_card`. Raises CardInvalid, and what ``check`` does.
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


def _plain_name(said: object) -> str:
    """Return the name of a file beside the card. Raises ValueError for what leads elsewhere."""
    name = str(said)
    if not _NAME.fullmatch(name) or name in OTHER_FILES:
        raise ValueError("a name of weights that leads elsewhere")
    return name


def _ranges(said: Mapping[str, Any] | None) -> dict[str, tuple[float, float]] | None:
    """Read ranges. Raises ValueError, KeyError, TypeError, AttributeError for what are none."""
    if said is None:
        return None
    ranges = {str(name): (float(low), float(high)) for name, (low, high) in said["ranges"].items()}
    if not all(math.isfinite(high - low) and low < high for low, high in ranges.values()):
        raise ValueError("a range that is none")
    return ranges


def shipped_card() -> ModelCard:
    """Return the card of the network thoraq ships. Raises CardInvalid."""
    cards = sorted(WEIGHTS_FOLDER.glob("*.json"))
    if len(cards) != 1:
        raise CardInvalid.because(f"{len(cards)} cards beside the shipped weights")
    return load_card(cards[0])


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hex. Raises WeightsMissing."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise WeightsMissing.about(path.name) from exc


def verify_weights(card: ModelCard) -> None:
    """Check that the weights are those of the card. Raises WeightsMissing, WeightsMismatch."""
    if file_digest(card.weights_path) != card.weights_digest:
        raise WeightsMismatch.about(card.weights_path.name)


def sound_weights(card: ModelCard) -> bytes:
    """Return the weights, read once and checked. Raises WeightsMissing, WeightsMismatch."""
    try:
        content = card.weights_path.read_bytes()
    except OSError as exc:
        raise WeightsMissing.about(card.weights_path.name) from exc
    if hashlib.sha256(content).hexdigest() != card.weights_digest:
        raise WeightsMismatch.about(card.weights_path.name)
    return content
