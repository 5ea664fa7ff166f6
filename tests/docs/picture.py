"""Make the picture of the README: ``python -m tests.docs.picture``.

A reduced contact sheet of the demonstration archive, with synthetic chests only.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.docs.transcript import FIRST, World

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "sheet.webp"
WIDTH_PX = 1200

with tempfile.TemporaryDirectory(prefix="thoraq-docs-") as folder:
    world = World(Path(folder))
    world.make_archive()
    world.run(FIRST)
    world.run("thoraq sheet --limit 8 --sort ict:desc --out /srv/sheet.png")
    with Image.open(world.folder / "sheet.png") as sheet:
        height = round(sheet.height * WIDTH_PX / sheet.width)
        PICTURE.parent.mkdir(exist_ok=True)
        sheet.resize((WIDTH_PX, height), Image.Resampling.LANCZOS).save(PICTURE, quality=85)
    sys.stdout.write(f"{PICTURE.name}: {PICTURE.stat().st_size} bytes\n")
