"""A short real fit on phantoms: it learns, it keeps its best, it is repeatable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from network.input import INPUT_SIDE_PX
from network.landmark_network import LandmarkNetwork, NetworkOutput
from training.evaluation import bootstrap_interval, index_of
from training.fitting import Check, fit
from training.objective import Target, Weights, landmark_error_px224, loss_parts
from training.recipe import Recipe
from training.samples import TRAINING_SIDE_PX, Samples
from training.teaching import taught

SMALL = {"landmark_batch": 4, "calliper_batch": 2, "counterexample_batch": 1}


def spots(side: int, count: int = 12) -> Samples:
    """Films with bright spots on a dark ground where the points are."""
    rng = np.random.default_rng(5)
    ratio = side / INPUT_SIDE_PX
    points = (rng.uniform(30, 98, (count, 19, 2)) * ratio).astype(np.float32)
    images = rng.integers(20, 60, (count, side, side)).astype(np.uint8)
    for image, placed in zip(images, points, strict=True):
        for x, y in placed.round().astype(int):
            image[y - 2 : y + 3, x - 2 : x + 3] = 230
    first = np.arange(count) < count // 2
    points[first, 15:] = np.nan
    points[~first, :15] = np.nan
    return Samples(
        images=images,
        points=points,
        outlines=np.zeros((count, 3, side, side), np.uint8),
        outlined=~first,
        frontal=np.ones(count, np.float32),
        scale=np.full(count, 224 / side, np.float32),
        names=np.array([f"spot{i}" for i in range(count)]),
        sources=np.where(first, "landmarks15", "wingspan"),
        categories=np.full(count, "spots"),
        splits=np.full(count, "train"),
    )


def run(recipe: Recipe) -> tuple[LandmarkNetwork, list[Check]]:
    checks: list[Check] = []
    result = fit(
        spots(TRAINING_SIDE_PX),
        spots(INPUT_SIDE_PX),
        recipe,
        torch.device("cpu"),
        report=lambda check, _: checks.append(check),
    )
    return result.network, checks


@pytest.mark.slow
def test_the_loss_falls_and_the_same_seed_gives_the_same_weights() -> None:
    recipe = Recipe.from_mapping({**SMALL, "steps": 12, "check_every": 6, "warmup_steps": 2})
    first, checks = run(recipe)
    second, _ = run(recipe)
    total = [sum(check.loss_parts.values()) for check in checks]
    assert total[-1] < total[0]
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_points_an_image_lacks_and_images_that_are_no_chest_cost_nothing() -> None:
    torch.manual_seed(0)
    output = LandmarkNetwork().eval()(torch.rand(2, INPUT_SIDE_PX, INPUT_SIDE_PX) * 255)
    nothing = Target(
        points=torch.full((2, 19, 2), torch.nan),
        outlines=torch.zeros(2, 3, INPUT_SIDE_PX, INPUT_SIDE_PX),
        outlined=torch.tensor([False, False]),
        frontal=torch.tensor([1.0, 0.0]),
        to_224=torch.ones(2),
    )
    parts = loss_parts(output, nothing, Weights())
    assert {k for k, v in parts.items() if float(v.detach()) != 0.0} == {"frontal"}


def test_the_loss_is_lowest_at_the_truth() -> None:
    truth = torch.rand(1, 19, 2) * 60 + 30
    target = Target(
        points=truth,
        outlines=torch.zeros(1, 3, INPUT_SIDE_PX, INPUT_SIDE_PX),
        outlined=torch.tensor([False]),
        frontal=torch.tensor([1.0]),
        to_224=torch.full((1,), 1.75),
    )

    def points_loss(points: torch.Tensor) -> float:
        maps = torch.zeros(1, 19, 32, 32).flatten(2).log_softmax(2).view(1, 19, 32, 32)
        output = NetworkOutput(
            points, torch.zeros(1, 19, 2), maps, torch.zeros(1, 3, 32, 32), torch.zeros(1)
        )
        return float(loss_parts(output, target, Weights())["points"].detach())

    assert points_loss(truth) < points_loss(truth + 1) < points_loss(truth + 4)
    assert torch.allclose(
        landmark_error_px224(truth + torch.tensor([3.0, 4.0]), target), torch.tensor(8.75)
    )


def test_teachers_fill_absent_points_and_blend_into_annotated_ones() -> None:
    torch.manual_seed(0)
    samples = spots(TRAINING_SIDE_PX, 4)
    filled = taught(samples, [LandmarkNetwork().eval()], torch.device("cpu"), 0.25)
    assert np.isfinite(filled.points).all()
    assert filled.outlined.all()
    known = np.isfinite(samples.points)
    kept = taught(samples, [LandmarkNetwork().eval()], torch.device("cpu"), 0.0)
    assert np.allclose(kept.points[known], samples.points[known])


def test_samples_survive_being_carried(tmp_path: Path) -> None:
    samples = spots(64, 4)
    samples.save(tmp_path / "s.npz")
    back = Samples.load(tmp_path / "s.npz")
    assert np.array_equal(back.images, samples.images)
    assert np.array_equal(back.points, samples.points, equal_nan=True)
    assert list(back.splits) == list(samples.splits)


def test_a_run_file_with_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="learnign_rate"):
        Recipe.from_mapping({"learnign_rate": 1.0})


def test_an_interval_holds_its_mean_and_narrows_with_more_cases() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.normal(5, 2, 20), rng.normal(5, 2, 2000)
    for values in (few, many):
        low, high = bootstrap_interval(values)
        assert low < values.mean() < high
    assert np.subtract(*bootstrap_interval(many)) > np.subtract(*bootstrap_interval(few))


def test_the_index_is_heart_over_thorax() -> None:
    points = np.zeros((1, 19, 2))
    points[0, 15:, 0] = 40, 90, 10, 110
    assert index_of(points)[0] == pytest.approx(0.5)
