"""Differences of the original recipe from ours."""

from __future__ import annotations

from dataclasses import replace

import torch

from tests.training.spots import spots
from training.fit.original import SIDE_PX, OriginalRecipe
from training.plan import Plan

CPU = torch.device("cpu")


def test_every_phase_begins_a_new_epoch() -> None:
    radiographs = spots(SIDE_PX)
    known = radiographs.where(radiographs.has_landmarks())
    recipe = OriginalRecipe(known, {}, replace(Plan.faithful(), landmark_batch=4), CPU)
    torch.manual_seed(3)
    undisturbed = recipe.batches().draw()
    recipe.batches().draw()  # a phase that ends within an epoch
    torch.manual_seed(3)
    after = recipe.batches().draw()
    assert len(after[0]) == 4
    assert all(torch.equal(one, other) for one, other in zip(undisturbed, after, strict=True))


def test_an_epoch_has_every_radiograph_once_and_resumes() -> None:
    radiographs = spots(SIDE_PX)
    known = radiographs.where(radiographs.has_landmarks())
    recipe = OriginalRecipe(known, {}, replace(Plan.faithful(), landmark_batch=4), CPU)
    whole = recipe.batches()
    assert [len(whole.draw()[0]) for _ in range(4)] == [4, 2, 4, 2]
    whole.draw()
    resumed = recipe.batches()
    resumed.restore(whole.state())
    assert [len(each.draw()[0]) for each in (whole, resumed)] == [2, 2]
