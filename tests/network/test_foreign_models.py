"""Foreign cards and weights: plain names, regular files, read once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from network import card as cards
from network.card import load_card, shipped_card
from network.errors import CardInvalid, ModelFileUnfit, WeightsMismatch, WeightsMissing
from network.weights import load_network
from scheduler.networks import card_at, imported_network
from scheduler.settings import Settings
from testbed.networks import make_network


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return make_network(tmp_path / "made", "ours")


def rename_weights(folder: Path, name: object) -> None:
    card = json.loads((folder / "card.json").read_text())
    card["weights"]["file"] = name
    (folder / "card.json").write_text(json.dumps(card))


def take_in(folder: Path, settings: Settings) -> list[str]:
    """Register a network; return its files."""
    with imported_network(card_at(folder), settings):
        pass
    return sorted(each.name for each in (settings.models_folder / "ours").iterdir())


@pytest.mark.parametrize(
    "name",
    [
        "../ours.safetensors",
        "/etc/passwd",
        "sub/ours.safetensors",
        "./ours.safetensors",
        "..",
        ".",
        "",
        ".hidden",
        "a\\b",
        "a\0b",
        "card.json",
        "report.html",
        "x" * 300,
        ["a"],
    ],
)
def test_weights_have_a_plain_name(made: Path, tmp_path: Path, name: object) -> None:
    rename_weights(made, name)
    for read in (load_card, lambda path: card_at(path.parent)):
        with pytest.raises(CardInvalid):
            read(made / "card.json")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("which", ["card.json", "ours.safetensors", "report.html"])
@pytest.mark.parametrize("how", ["link", "pipe", "folder", "device"])
def test_files_that_are_not_regular_are_not_read(
    made: Path, tmp_path: Path, which: str, how: str
) -> None:
    path = made / which
    path.rename(tmp_path / "moved")
    if how == "link":
        path.symlink_to(tmp_path / "moved")
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    settings = Settings(state=tmp_path / "state")
    with pytest.raises((ModelFileUnfit, CardInvalid)):
        take_in(made, settings)
    assert not settings.models_folder.exists() or not list(settings.models_folder.iterdir())


@pytest.mark.parametrize(
    ("limit", "error"),
    [
        ("MOST_OF_CARD", (ModelFileUnfit, CardInvalid)),
        ("MOST_OF_WEIGHTS", ModelFileUnfit),
        ("MOST_OF_COMPANION", ModelFileUnfit),
    ],
)
def test_files_over_the_size_limit_are_refused(
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    error: type[Exception] | tuple[type[Exception], ...],
) -> None:
    monkeypatch.setattr(cards, limit, 10)
    if limit != "MOST_OF_CARD":
        monkeypatch.setattr(f"scheduler.networks.{limit}", 10)
    with pytest.raises(error):
        take_in(made, Settings(state=tmp_path / "state"))


def test_the_copied_bytes_are_verified(made: Path, tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state")
    card = card_at(made)
    weights = made / "ours.safetensors"
    sound = weights.read_bytes()
    weights.write_bytes(sound[:-1] + b"\xaa")
    with pytest.raises(WeightsMismatch), imported_network(card, settings):
        pytest.fail("it was noted before it was checked")
    assert list(settings.models_folder.iterdir()) == []
    weights.write_bytes(sound)
    with imported_network(card, settings):
        weights.write_bytes(b"changed later")
    taken = load_card(settings.models_folder / "ours" / "card.json")
    assert taken.weights_path.read_bytes() == sound


def test_a_refused_registration_leaves_no_files(made: Path, tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state")
    with pytest.raises(RuntimeError), imported_network(card_at(made), settings):
        raise RuntimeError
    assert list(settings.models_folder.iterdir()) == []
    (made / "report.html").unlink()
    assert take_in(made, settings) == ["card.json", "ours.safetensors"]


def test_the_verified_weights_are_loaded(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = load_card(made / "card.json")
    opened: list[Path] = []
    read = Path.read_bytes

    def once(path: Path) -> bytes:
        content = read(path)
        if path == card.weights_path:
            opened.append(path)
            path.write_bytes(b"changed between the check and the use")
        return content

    monkeypatch.setattr(Path, "read_bytes", once)
    load_network(card)
    assert opened == [card.weights_path]
    with pytest.raises(WeightsMismatch):
        load_network(card)
    card.weights_path.unlink()
    with pytest.raises(WeightsMissing):
        load_network(card)


def test_the_shipped_card_has_a_plain_file_name() -> None:
    assert shipped_card().weights_path.parent == cards.WEIGHTS_FOLDER
