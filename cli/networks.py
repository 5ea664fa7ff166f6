"""Where a network's files lie, and putting them there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.errors import ModelAbsent, VersionReserved
from cli.naming import is_shipped_name, readable
from cli.printing import Row
from db.errors import ModelDiffers
from network.card import ModelCard, load_card, shipped_card, verify_weights
from scheduler.settings import Settings

CARD_FILE = "card.json"
#: Files beside card and weights that go with them.
COMPANIONS = ("report.html",)


def card_of(version: str, settings: Settings) -> ModelCard:
    """Return the card of a network whose files are here and sound.

    Raises ModelAbsent, CardInvalid, WeightsMissing, WeightsMismatch.
    """
    shipped = shipped_card()
    if shipped.version == version:
        card = shipped
    else:
        folder = settings.models_folder / version
        if not (folder / CARD_FILE).is_file():
            raise ModelAbsent(f"{version} is not in {folder.parent}. {ModelAbsent.__doc__}")
        card = load_card(folder / CARD_FILE)
    verify_weights(card)
    return card


def card_at(place: Path) -> ModelCard:
    """Return the card at ``place``, a folder or the card itself, if its weights are sound.

    Raises VersionReserved, CardInvalid, WeightsMissing, WeightsMismatch.
    """
    card = load_card(place / CARD_FILE if place.is_dir() else place)
    check_version(card.version)
    verify_weights(card)
    return card


def check_version(version: str) -> str:
    """Return a name that a network may have. Raises VersionReserved."""
    if is_shipped_name(version) or readable(version) != version:
        raise VersionReserved(f"{version}: {VersionReserved.__doc__}")
    return version


def bring_in(card: ModelCard, settings: Settings) -> None:
    """Copy a network to where workers look for it; doing so again changes nothing.

    Raises ModelDiffers, CardInvalid, WeightsMissing, WeightsMismatch.
    """
    folder = settings.models_folder / card.version
    if folder.exists():
        standing = card_of(card.version, settings)
        if standing.weights_digest != card.weights_digest:
            raise ModelDiffers(f"{folder} holds other weights. {ModelDiffers.__doc__}")
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{card.version}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        shutil.copyfile(card.weights_path, draft / card.weights_path.name)
        text = json.dumps(card.card, indent=1, ensure_ascii=False)
        (draft / CARD_FILE).write_text(f"{text}\n", encoding="utf-8")
        for name in COMPANIONS:
            beside = card.weights_path.with_name(name)
            if beside.is_file():
                shutil.copyfile(beside, draft / name)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def figures_row(card: Mapping[str, object]) -> Row:
    """Return what a card says of its network's errors, over all test cases; None where nothing."""
    metrics: Any = card.get("metrics")
    metrics = metrics if isinstance(metrics, Mapping) else {}
    landmarks = pooled(metrics.get("landmarks"), "mean")
    index = pooled(metrics.get("ict"), "mean_absolute")
    return {
        "landmark_cases": landmarks[0],
        "landmark_error_px224": None if landmarks[1] is None else round(landmarks[1], 2),
        "ict_cases": index[0],
        "ict_error": None if index[1] is None else round(index[1], 4),
    }


def pooled(sets: Any, figure: str) -> tuple[int | None, float | None]:
    """Return how many cases the sets hold together, and the mean of a figure over them."""
    if not isinstance(sets, Mapping) or not sets:
        return None, None
    try:
        cases = sum(int(each["cases"]) for each in sets.values())
        total = sum(int(each["cases"]) * float(each[figure]) for each in sets.values())
    except (KeyError, TypeError, ValueError):  # a card of another version of thoraq
        return None, None
    return cases, total / cases if cases else None
