"""The ground truth of a synthetic chest follows from its geometry."""

import numpy as np
import numpy.typing as npt
import pytest

from radiograph.landmarks import CALLIPERS, MIDLINE, Landmark
from radiograph.phantom import draw_anatomy, project
from radiograph.phantom.anatomy import LEFT, RIGHT

SEEDS = range(40)


def test_the_same_seed_draws_the_same_chest_and_the_same_pixels() -> None:
    one, two = (np.random.default_rng(7) for _ in range(2))
    chest = draw_anatomy(one)
    assert chest == draw_anatomy(two)
    assert np.array_equal(project(chest, 300, 260, one), project(chest, 300, 260, two))


@pytest.mark.parametrize("portable", [False, True])
def test_chests_are_plausible_adults_inside_the_picture(portable: bool) -> None:
    for seed in SEEDS:
        chest = draw_anatomy(np.random.default_rng(seed), portable=portable)
        assert 0.34 < chest.ict < 0.70
        points = chest.points(640, 512)
        assert points.shape == (len(Landmark), 2)
        assert (points >= 0).all()
        assert (points <= [511, 639]).all()
        # The right dome of the diaphragm is higher than the left.
        assert chest.domes[0] > chest.domes[1]


def test_ict_is_the_ratio_of_the_calliper_widths_at_every_image_size() -> None:
    for seed in SEEDS:
        chest = draw_anatomy(np.random.default_rng(seed))
        for rows, columns in ((512, 512), (1024, 800), (300, 700)):
            x = chest.points(rows, columns)[list(CALLIPERS), 0]
            assert chest.ict == pytest.approx((x[1] - x[0]) / (x[3] - x[2]), rel=1e-9)


def test_hearts_range_from_slender_to_enlarged() -> None:
    ratios = [draw_anatomy(np.random.default_rng(seed)).ict for seed in range(300)]
    assert min(ratios) < 0.42
    assert max(ratios) > 0.58
    assert 0.44 < float(np.mean(ratios)) < 0.53


def test_landmarks_follow_the_annotation_an_axis_with_quarters_and_lines_across_it() -> None:
    chest = draw_anatomy(np.random.default_rng(3), portable=True)
    points = chest.points(900, 800)
    axis = points[Landmark.L2_MIDLINE_COSTOPHRENIC] - points[Landmark.L1_MIDLINE_APEX]
    rows = zip(
        MIDLINE, np.linspace(0, 1, 5), ((11, 12), (2, 3), (4, 5), (6, 7), (13, 14)), strict=True
    )
    for middle, share, (right, left) in rows:
        on_axis = points[Landmark.L1_MIDLINE_APEX] + share * axis
        assert points[middle] == pytest.approx(on_axis, abs=1e-6)
        assert (points[right] - on_axis) @ axis == pytest.approx(0.0, abs=1e-6)
        assert (points[left] - on_axis) @ axis == pytest.approx(0.0, abs=1e-6)
        assert points[right, 0] < points[middle, 0] < points[left, 0]


def grey(image: npt.NDArray[np.uint16], points: npt.NDArray[np.float64]) -> float:
    """Return the mean grey of 7 x 7 px around each of ``points``, (n, 2)."""
    patches = [image[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4] for x, y in points]
    return float(np.mean(patches))


@pytest.mark.parametrize("seed", range(12))
def test_the_image_shows_lung_beside_heart_and_chest_wall_where_the_truth_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chest = draw_anatomy(rng)
    image = project(chest, 768, 768, rng)
    points = chest.points(768, 768)
    # 14 px are 6 to 8 mm: beyond the border, before the next structure.
    step = np.array([14.0, 0.0])
    for point, inwards in ((Landmark.HEART_RIGHT, 1), (Landmark.HEART_LEFT, -1)):
        at = points[[point]]
        assert grey(image, at + inwards * step) > 1.08 * grey(image, at - inwards * step)
    levels = np.linspace(0.35, 0.8, 60) * chest.lung_height
    for side in (RIGHT, LEFT):
        wall = np.stack([side * chest.outer(side, levels), levels], axis=-1)
        border = chest.to_image(wall, 768, 768)
        # Ribs cross the border, so it is compared along its length.
        assert grey(image, border + side * step) > 1.08 * grey(image, border - side * step)
    lungs = [(-0.6 * chest.half_widths[0], 0.5), (0.6 * chest.half_widths[1], 0.3)]
    lung = chest.to_image([(u, v * chest.lung_height) for u, v in lungs], 768, 768)
    abdomen = chest.to_image([(-5.0, chest.lung_height + 1.0)], 768, 768)
    assert grey(image, lung) < 0.75 * grey(image, points[[Landmark.L10_MIDLINE_MIDDLE]])
    assert grey(image, lung) < 0.75 * grey(image, abdomen)
