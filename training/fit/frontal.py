"""Fitting the classifier of upright frontal chests, on a finished trunk.

Positives are the training radiographs and phantoms; negatives are made from them, or are lateral
views, limbs and hands of the phantom. Only a linear layer is fitted, so landmarks do not change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from network.input import INPUT_SIDE_PX, prepare
from network.landmark_network import LandmarkNetwork
from radiograph.phantom import draw_anatomy, hand, lateral, limb, project
from training.fit.batches import BatchSource
from training.fit.photometry import expose
from training.plan import Plan
from training.samples import Samples

#: Rows and columns of the phantoms; the network's square is smaller.
PHANTOM_PX = 384
DECAY = 1e-3


def refit_frontal(
    network: LandmarkNetwork,
    train: Samples,
    plan: Plan,
    *,
    batches: int = 120,
    phantoms: int = 150,
    beat: Callable[[], None] = lambda: None,
) -> float:
    """Refit ``network.frontal`` in place; return its accuracy on the fitted images.

    ``beat`` is called between radiographs; an exception from it ends the work.
    """
    torch.manual_seed(plan.seed)
    network.eval()
    features, labels = [], []
    with torch.inference_mode():
        source = BatchSource(train, plan, torch.device("cpu"))
        for _ in range(batches):
            beat()
            batch = source.draw()
            features.append(network.summary(batch.grey))
            labels.append(batch.target.frontal)
        for radiograph, label in draw_phantoms(phantoms, plan.seed):
            beat()
            features.append(network.summary(radiograph))
            labels.append(torch.full((len(radiograph),), label))
    # Tensors from inference mode cannot take part in autograd; copies can.
    return _fit_layer(network.frontal, torch.cat(features).clone(), torch.cat(labels).clone())


def draw_phantoms(count: int, seed: int) -> Iterator[tuple[Tensor, float]]:
    """Yield ``count`` draws as ((4, S, S) grey 0..255, label): a kind, plain and exposed thrice."""
    rng = np.random.default_rng(seed)
    others = (lateral, limb, hand)
    for i in range(count):
        chest = i % 2 == 0
        picture = (
            project(draw_anatomy(rng), PHANTOM_PX, PHANTOM_PX, rng)
            if chest
            else others[(i // 2) % len(others)](rng)
        )
        square = torch.from_numpy(prepare(picture, side=INPUT_SIDE_PX).pixels).float()
        radiographs = square.expand(4, -1, -1).clone()
        radiographs[1:] = expose(radiographs[1:])
        yield radiographs, float(chest)


def _fit_layer(layer: torch.nn.Linear, features: Tensor, labels: Tensor) -> float:
    """Fit a logistic regression by L-BFGS with balanced classes; return its accuracy."""
    mean, deviation = features.mean(dim=0), features.std(dim=0) + 1e-6
    inputs = (features - mean) / deviation
    weight = torch.zeros(inputs.shape[1], requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    balance = (labels == 0).sum() / (labels == 1).sum().clamp_min(1)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(
            inputs @ weight + bias, labels, pos_weight=balance
        )
        loss = loss + DECAY * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        layer.weight.copy_((weight / deviation)[None])
        layer.bias.copy_(bias - (weight * mean / deviation).sum())
        right = ((features @ layer.weight[0] + layer.bias > 0) == (labels > 0.5)).float().mean()
    return float(right)
