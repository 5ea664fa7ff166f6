"""A model card: what a set of weights is, what it was trained on and how well it does.

The card is the JSON file beside the weights. Reading it needs no torch, so commands may.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from network.errors import CardInvalid, WeightsMismatch, WeightsMissing

WEIGHTS_FOLDER = Path(__file__).parent / "weights"

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
        card = json.loads(path.read_text(encoding="utf-8"))
        return ModelCard(
            path=path,
            version=str(card["version"]),
            architecture=str(card["architecture"]),
            weights_path=path.parent / str(card["weights"]["file"]),
            weights_digest=str(card["weights"]["sha256"]),
            calibration=card.get("calibration"),
            ranges=_ranges(card.get("quantization")),
            card=card,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise CardInvalid(f"{path.name}: {CardInvalid.__doc__}") from exc


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
        raise CardInvalid(f"{len(cards)} cards beside the shipped weights. {CardInvalid.__doc__}")
    return load_card(cards[0])


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hex. Raises WeightsMissing."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise WeightsMissing(f"{path.name}: {WeightsMissing.__doc__}") from exc


def verify_weights(card: ModelCard) -> None:
    """Check that the weights are those of the card. Raises WeightsMissing, WeightsMismatch."""
    if file_digest(card.weights_path) != card.weights_digest:
        raise WeightsMismatch(f"{card.weights_path.name}: {WeightsMismatch.__doc__}")
