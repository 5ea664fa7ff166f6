"""A registered network like a trained one, with the shipped weights under another version."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from network.card import shipped_card


def make_network(folder: Path, version: str, **changes: object) -> Path:
    """Write card, weights and report into a new folder; ``changes`` replace values of the card."""
    shipped = shipped_card()
    folder.mkdir(parents=True)
    weights = folder / f"{version}.safetensors"
    shutil.copyfile(shipped.weights_path, weights)
    card = {**shipped.card, "version": version, "parent": shipped.version, **changes}
    card["weights"] = {**shipped.card["weights"], "file": weights.name}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    (folder / "report.html").write_text("<p>a report</p>", encoding="utf-8")
    return folder
