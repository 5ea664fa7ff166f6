"""Where a network's files lie, and putting them there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from cli.errors import ModelAbsent, ModelWorse, VersionReserved
from cli.naming import is_shipped_name, readable
from cli.printing import Row
from db.errors import ModelDiffers
from db.records import ModelRecord
from network.card import ModelCard, load_card, shipped_card, verify_weights
from network.figures import KINDS, compare, figures, pooled
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
    """Return what a card states about its network's errors, over all test cases."""
    landmarks = pooled(figures(card, "landmarks"))
    index = pooled(figures(card, "ict"))
    return {
        "landmark_cases": None if landmarks is None else landmarks.cases,
        "landmark_error_px224": None if landmarks is None else round(landmarks.mean, 2),
        "ict_cases": None if index is None else index.cases,
        "ict_error": None if index is None else round(index.mean, 4),
    }


def check_figures(candidate: ModelRecord, served: ModelRecord) -> None:
    """Refuse a network whose card states worse figures than the served one's, or none.

    Worse is a mean error above the served network's 95 % interval. Raises ModelWorse.
    """
    found = list(compare(candidate.card, served.card))
    if not found and not any(figures(candidate.card, kind) for kind in KINDS):
        stated = "; ".join(
            f"{name} {figure.words(digits)}"
            for kind, (_, name, digits) in KINDS.items()
            if (figure := pooled(figures(served.card, kind))) is not None
        )
        raise ModelWorse(
            f"the card of {candidate.version} states no errors; {served.version} has"
            f" {stated or 'none either'}. {ModelWorse.__doc__}"
        )
    worse = "; ".join(each.words for each in found if each.worse)
    if worse:
        raise ModelWorse(f"{candidate.version}: {worse}. {ModelWorse.__doc__}")
