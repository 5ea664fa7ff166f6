"""Renew what the README shows: ``make readme``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.readme.generated import filled
from tests.readme.transcript import World, renewed

README = Path(__file__).parents[2] / "README.md"

with tempfile.TemporaryDirectory(prefix="thoraq-readme-") as folder:
    world = World(Path(folder))
    world.make_archive()
    world.make_network()
    world.make_films()
    before = README.read_text(encoding="utf-8")
    after = renewed(filled(before), world)
    README.write_text(after, encoding="utf-8")
    sys.stdout.write(f"README.md is {'as it was' if before == after else 'renewed'}\n")
