"""The training loss and the evaluation error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from network.input import INPUT_SIDE_PX
from network.landmark_network import LandmarkNetwork, NetworkOutput
from tests.training.spots import spots
from training.evaluate.intervals import bootstrap_interval
from training.fit.objective import Target, landmark_error_px224, loss_parts
from training.fit.teachers import fill_from_teachers
from training.plan import LossWeights
from training.samples import TRAINING_SIDE_PX
from training.shape import index_of


def test_absent_points_and_counterexamples_have_no_point_loss() -> None:
    torch.manual_seed(0)
    output = LandmarkNetwork().eval()(torch.rand(2, INPUT_SIDE_PX, INPUT_SIDE_PX) * 255)
    nothing = Target(
        points=torch.full((2, 19, 2), torch.nan),
        outlines=torch.zeros(2, 3, INPUT_SIDE_PX, INPUT_SIDE_PX),
        outlined=torch.tensor([False, False]),
        frontal=torch.tensor([1.0, 0.0]),
        to_224=torch.ones(2),
    )
    parts = loss_parts(output, nothing, LossWeights())
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
        return float(loss_parts(output, target, LossWeights())["points"].detach())

    assert points_loss(truth) < points_loss(truth + 1) < points_loss(truth + 4)
    assert torch.allclose(
        landmark_error_px224(truth + torch.tensor([3.0, 4.0]), target), torch.tensor(8.75)
    )


def test_teachers_fill_absent_points_and_blend_into_annotated_ones() -> None:
    torch.manual_seed(0)
    samples = spots(TRAINING_SIDE_PX, 4)
    filled = fill_from_teachers(samples, [LandmarkNetwork().eval()], torch.device("cpu"), 0.25)
    assert np.isfinite(filled.points).all()
    assert filled.outlined.all()
    known = np.isfinite(samples.points)
    kept = fill_from_teachers(samples, [LandmarkNetwork().eval()], torch.device("cpu"), 0.0)
    assert np.allclose(kept.points[known], samples.points[known])


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
