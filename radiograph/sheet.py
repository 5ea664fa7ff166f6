"""Contact sheets: a title and a grid of pictures on a dark background."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from radiograph.overlay import MUTED, fit, fit_middle

GROUND = (10, 11, 13)
PLACEHOLDER = (34, 37, 43)
INK = (240, 242, 245)
GAP_PX = 16
TITLE_PX = 26
LEAST_TITLE_PX = 13
#: Room for the title above one small picture.
LEAST_WIDTH_PX = 512


def contact_sheet(tiles: Sequence[Image.Image], columns: int, title: str) -> Image.Image:
    """Return an RGB image of ``tiles``, row by row in ``columns``.

    Tiles keep their size: each column is as wide as the widest tile, each row as high as its
    highest tile, and a smaller tile is at the top centre of its cell.

    Raises ValueError without tiles or columns.
    """
    if not tiles or columns < 1:
        raise ValueError("A sheet needs at least one tile and one column.")
    columns = min(columns, len(tiles))
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    cell = max(tile.width for tile in tiles)
    heights = [max(tile.height for tile in row) for row in rows]
    grid = columns * cell + (columns - 1) * GAP_PX
    width = max(LEAST_WIDTH_PX, grid + 2 * GAP_PX)
    top = TITLE_PX + 3 * GAP_PX
    sheet = Image.new("RGB", (width, top + sum(heights) + len(rows) * GAP_PX), GROUND)
    _write_title(sheet, title, top)
    y = top
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            left = (width - grid) // 2 + column * (cell + GAP_PX)
            sheet.paste(tile.convert("RGB"), (left + (cell - tile.width) // 2, y))
        y += height + GAP_PX
    return sheet


def label_tile(tile: Image.Image, number: str, name: str, side_px: int) -> Image.Image:
    """Return a picture, at least ``side_px`` wide, with its number and name on two lines below.

    A number is cut at its end, a name in its middle, where names differ least.
    """
    fonts = [ImageFont.load_default(max(LEAST_TITLE_PX, side_px // size)) for size in (22, 28)]
    width, pitch = max(side_px, tile.width), side_px // 18
    label = Image.new("RGB", (width, tile.height + 2 * pitch + GAP_PX // 2), GROUND)
    label.paste(tile.convert("RGB"), ((width - tile.width) // 2, 0))
    pen = ImageDraw.Draw(label)
    lines = (fit(number, fonts[0], width), INK), (fit_middle(name, fonts[1], width), MUTED)
    for line, (font, (text, colour)) in enumerate(zip(fonts, lines, strict=True)):
        y = tile.height + (line + 0.5) * pitch + GAP_PX / 4
        pen.text((width / 2, y), text, fill=colour, font=font, anchor="mm")
    return label


def placeholder(lines: Sequence[str], side_px: int) -> Image.Image:
    """Return a square tile with ``lines`` of text in place of a picture."""
    tile = Image.new("RGB", (side_px, side_px), PLACEHOLDER)
    pen = ImageDraw.Draw(tile)
    font = ImageFont.load_default(max(LEAST_TITLE_PX, side_px // 22))
    pitch = side_px // 14
    y = (side_px - pitch * (len(lines) - 1)) / 2
    for line in lines:
        text = fit(line, font, side_px - 2 * GAP_PX)
        pen.text((side_px / 2, y), text, fill=INK, font=font, anchor="mm")
        y += pitch
    return tile


def _write_title(sheet: Image.Image, title: str, height: int) -> None:
    """Write one line at the top left; a long one is smaller, a longer one also cut."""
    title = " ".join(title.split())
    room = sheet.width - 2 * GAP_PX
    size = TITLE_PX
    while size > LEAST_TITLE_PX and ImageFont.load_default(size).getlength(title) > room:
        size -= 1
    font = ImageFont.load_default(size)
    ImageDraw.Draw(sheet).text(
        (GAP_PX, height / 2), fit(title, font, room), fill=INK, font=font, anchor="lm"
    )
