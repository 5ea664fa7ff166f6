"""The network's input square, and its affine to upright pixels."""

from __future__ import annotations

import numpy as np
import pytest

from network.input import INPUT_SIDE_PX, MARGIN_PX, prepare


@pytest.mark.parametrize(("rows", "columns"), [(300, 300), (2500, 2048), (701, 1333), (64, 90)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_marker_is_at_the_position_of_the_affine(rows: int, columns: int, kind: type) -> None:
    top = np.iinfo(kind).max
    pixels = np.full((rows, columns), top // 10, kind)
    y, x = rows // 3, (2 * columns) // 3
    half = max(rows, columns) // 40 + 1
    pixels[y - half : y + half + 1, x - half : x + half + 1] = top
    prepared = prepare(pixels)
    assert prepared.pixels.shape == (INPUT_SIDE_PX, INPUT_SIDE_PX)
    bright = np.argwhere(prepared.pixels > 200)
    centre = bright.mean(axis=0)[::-1]
    found = prepared.to_upright @ np.array([*centre, 1.0])
    assert np.abs(found - (x, y)).max() < 0.75 * max(rows, columns) / INPUT_SIDE_PX + 0.5


def test_the_radiograph_keeps_its_shape_inside_a_black_margin() -> None:
    prepared = prepare(np.random.default_rng(0).integers(60, 255, (400, 200)).astype(np.uint8))
    lit = np.argwhere(prepared.pixels > 0)
    height, width = np.ptp(lit, axis=0) + 1
    assert height == INPUT_SIDE_PX - 2 * MARGIN_PX
    assert abs(width - height / 2) <= 1
    assert not prepared.pixels[:MARGIN_PX].any()


def test_eight_and_sixteen_bits_give_the_same_square() -> None:
    image = np.random.default_rng(1).integers(0, 256, (333, 257)).astype(np.uint8)
    deep = image.astype(np.uint16) * 257
    difference = prepare(image).pixels.astype(int) - prepare(deep).pixels.astype(int)
    assert np.abs(difference).max() <= 1


def test_an_image_without_contrast_does_not_divide_by_zero() -> None:
    assert prepare(np.full((200, 200), 7, np.uint8)).pixels.max() == 0
