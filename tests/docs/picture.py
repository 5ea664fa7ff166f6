"""Make the pictures of the README: ``python -m tests.docs.picture``.

A reduced contact sheet of the demonstration archive, with synthetic chests only, and the beginning
of its morning report in Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from testbed.browser import chromium
from tests.docs.transcript import FIRST, World

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
PICTURE, MORNING = PICTURES / "sheet.webp", PICTURES / "morning.png"
WIDTH_PX = 1200
#: Size of the window, and the colours of the picture.
WINDOW = {"width": 1080, "height": 820}
COLOURS = 64

with tempfile.TemporaryDirectory(prefix="thoraq-docs-") as folder:
    world = World(Path(folder))
    world.make_archive()
    world.run(FIRST)
    world.run("thoraq sheet --limit 8 --sort ict:desc --out /srv/sheet.png")
    with Image.open(world.folder / "sheet.png") as sheet:
        height = round(sheet.height * WIDTH_PX / sheet.width)
        PICTURE.parent.mkdir(exist_ok=True)
        sheet.resize((WIDTH_PX, height), Image.Resampling.LANCZOS).save(PICTURE, quality=85)
    world.run("thoraq report archive --out /srv/morning.html")
    with chromium() as browser:
        page = browser.new_page(viewport=WINDOW, color_scheme="light")
        page.goto((world.folder / "morning.html").as_uri())
        page.screenshot(path=world.folder / "morning.png")
    with Image.open(world.folder / "morning.png") as screenshot:
        screenshot.convert("RGB").quantize(COLOURS).save(MORNING, optimize=True)
    for made in (PICTURE, MORNING):
        sys.stdout.write(f"{made.name}: {made.stat().st_size} bytes\n")
