"""Where a network's files lie, and putting them there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from cli.errors import ModelAbsent, ModelWorse, VersionReserved
from cli.naming import is_shipped_name, readable
from cli.printing import Row
from db.errors import ModelDiffers
from db.records import ModelRecord
from network.card import (
    CARD_FILE,
    COMPANIONS,
    MOST_OF_COMPANION,
    MOST_OF_WEIGHTS,
    ModelCard,
    load_card,
    load_foreign_card,
    shipped_card,
    verify_weights,
)
from network.errors import WeightsMismatch, WeightsMissing
from network.figures import KINDS, compare, figures, pooled
from network.plain_files import copy_plain
from scheduler.settings import Settings


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
    """Return the card at ``place``, a folder or the card itself; `brought_in` checks its weights.

    Raises VersionReserved, CardInvalid, ModelFileUnfit.
    """
    card = load_foreign_card(place / CARD_FILE if place.is_dir() else place)
    check_version(card.version)
    return card


def check_version(version: str) -> str:
    """Return a name that a network may have. Raises VersionReserved."""
    if is_shipped_name(version) or readable(version) != version:
        raise VersionReserved(f"{version}: {VersionReserved.__doc__}")
    return version


@contextmanager
def brought_in(card: ModelCard, settings: Settings) -> Iterator[None]:
    """Copy a network to where workers look for it, once the block ends without an error.

    Its files are read once, and what was copied is what was checked. Doing so again changes
    nothing. Raises ModelDiffers, CardInvalid, WeightsMissing, WeightsMismatch, ModelFileUnfit.
    """
    folder = settings.models_folder / card.version
    if folder.exists():
        standing = card_of(card.version, settings)
        if standing.weights_digest != card.weights_digest:
            raise ModelDiffers(f"{folder} holds other weights. {ModelDiffers.__doc__}")
        yield
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{card.version}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        weights = card.weights_path
        if copy_plain(weights, draft / weights.name, MOST_OF_WEIGHTS) != card.weights_digest:
            raise WeightsMismatch(f"{weights.name}: {WeightsMismatch.__doc__}")
        text = json.dumps(card.card, indent=1, ensure_ascii=False)
        (draft / CARD_FILE).write_text(f"{text}\n", encoding="utf-8")
        for name in COMPANIONS:
            with suppress(WeightsMissing):  # not every network has one
                copy_plain(weights.with_name(name), draft / name, MOST_OF_COMPANION)
        yield
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
