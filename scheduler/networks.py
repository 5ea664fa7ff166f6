"""The files of registered networks, and copying them into the state folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from db.database import Database
from db.errors import ModelDiffers
from db.models import find_model, register_model, serve_model, served_model
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
from scheduler.errors import ModelAbsent, ModelWorse, VersionReserved
from scheduler.names import is_shipped_name, readable
from scheduler.rights import as_operator
from scheduler.settings import Settings


def card_of(version: str, settings: Settings) -> ModelCard:
    """Return the card of a network whose files are present and intact.

    Raises ModelAbsent, CardInvalid, WeightsMissing, WeightsMismatch.
    """
    card = find_card(version, settings)
    verify_weights(card)
    return card


def find_card(version: str, settings: Settings) -> ModelCard:
    """Return the card of a network, shipped or registered, without checking its weights.

    Raises ModelAbsent, CardInvalid.
    """
    shipped = shipped_card()
    if shipped.version == version:
        return shipped
    path = network_folder(version, settings) / CARD_FILE
    if not path.is_file():
        raise ModelAbsent.because(f"{version} is not in {settings.models_folder}")
    return load_card(path)


def network_folder(version: str, settings: Settings) -> Path:
    """Return the folder of a registered or trained network."""
    return settings.models_folder / Path(version).name


def card_at(path: Path) -> ModelCard:
    """Return the card at ``path``, a folder or itself; `imported_network` checks its weights.

    Raises VersionReserved, CardInvalid, ModelFileUnfit.
    """
    return load_foreign_card(path / CARD_FILE if path.is_dir() else path, check_version)


def check_version(version: str) -> str:
    """Return ``version`` if a registered network may have it. Raises VersionReserved."""
    if is_shipped_name(version) or readable(version) != version:
        raise VersionReserved.about(version)
    return version


@contextmanager
def imported_network(card: ModelCard, settings: Settings) -> Iterator[None]:
    """Copy a network to the models folder once the block ends without an error.

    Its files are read once, so the copy is what was checked. Repeating it changes nothing. Raises
    ModelDiffers, CardInvalid, WeightsMissing, WeightsMismatch, ModelFileUnfit.
    """
    folder = network_folder(card.version, settings)
    if folder.exists():
        existing = card_of(card.version, settings)
        if existing.weights_digest != card.weights_digest:
            raise ModelDiffers.because(f"{folder} contains other weights")
        yield
        return
    draft = folder.with_name(f".{card.version}.part")
    with as_operator(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
    try:
        with as_operator(folder):
            _copy(card, draft)
        yield
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _copy(card: ModelCard, into: Path) -> None:
    """Copy a network's files. Raises WeightsMissing, WeightsMismatch, ModelFileUnfit."""
    weights = card.weights_path
    if copy_plain(weights, into / weights.name, MOST_OF_WEIGHTS) != card.weights_digest:
        raise WeightsMismatch.about(weights.name)
    text = json.dumps(card.card, indent=1, ensure_ascii=False)
    (into / CARD_FILE).write_text(f"{text}\n", encoding="utf-8")
    for name in COMPANIONS:
        with suppress(WeightsMissing):  # not every network has one
            copy_plain(weights.with_name(name), into / name, MOST_OF_COMPANION)


def register_network(database: Database, place: Path, settings: Settings) -> str:
    """Register a network made elsewhere, and return its version; it is not served yet.

    Raises as `card_at` and `imported_network` do.
    """
    card = card_at(place)
    with imported_network(card, settings):
        register_model(database, card.version, card.weights_digest, card.card, serve=False)
    return card.version


def promote_network(
    database: Database, version: str, settings: Settings, *, force: bool = False
) -> tuple[ModelRecord | None, ModelRecord]:
    """Have new files measured by a network; return the one that was served, and it.

    ``force``: also where its card states larger errors, or none. Raises ModelUnknown, ModelAbsent,
    CardInvalid, WeightsMissing, WeightsMismatch, ModelWorse.
    """
    candidate = find_model(database, version)
    if card_of(version, settings).weights_digest != candidate.weights_digest:
        raise WeightsMismatch.about(version)
    current = served_model(database)
    if current is not None and not force:
        check_figures(candidate, current)
    return serve_model(database, version)


def check_figures(candidate: ModelRecord, served: ModelRecord) -> None:
    """Refuse a network whose card states worse figures than the served network's, or no figures.

    Worse means a mean error above the served network's 95 % interval. Raises ModelWorse.
    """
    absent = [kind for kind in KINDS if not figures(candidate.card, kind)]
    known = {kind: pooled(figures(served.card, kind)) for kind in KINDS}
    stated = "; ".join(
        f"{KINDS[kind][1]} {figure.words(KINDS[kind][2])}"
        for kind in absent
        if (figure := known[kind]) is not None
    )
    if stated or len(absent) == len(KINDS):
        names = " and no ".join(KINDS[kind][1] for kind in absent)
        raise ModelWorse.because(
            f"the card of {candidate.version} states no {names}; {served.version} has"
            f" {stated or 'none either'}"
        )
    worse = "; ".join(each.words for each in compare(candidate.card, served.card) if each.worse)
    if worse:
        raise ModelWorse.because(f"{candidate.version}: {worse}")
