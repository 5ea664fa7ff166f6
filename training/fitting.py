"""One fit from top to bottom: batches, loss, weight average, checks, the best weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from network.landmark_network import LandmarkNetwork
from training.batches import Batch, BatchSource, held_out
from training.objective import cardiothoracic_index, landmark_error_px224, loss_parts
from training.recipe import Recipe
from training.samples import Samples


@dataclass(frozen=True, slots=True)
class Check:
    """State of a fit at one step; errors are of the weight average on the validation split."""

    step: int
    seconds: float
    loss_parts: dict[str, float]
    error_px224: float
    ict_error: float
    learning_rate: float

    @property
    def score(self) -> float:
        """What is minimised over a fit: px of a 224 frame plus the ICT error as px."""
        return self.error_px224 + 40.0 * self.ict_error


@dataclass(frozen=True, slots=True)
class Fit:
    """The kept network, on the CPU, and the checks on the way to it."""

    network: LandmarkNetwork
    checks: tuple[Check, ...]
    best: Check


def fit(
    train: Samples,
    validation: Samples,
    recipe: Recipe,
    device: torch.device,
    *,
    report: Callable[[Check, LandmarkNetwork | None], None],
    start: LandmarkNetwork | None = None,
) -> Fit:
    """Fit a network from scratch, or from the weights of ``start``.

    ``train`` is at the training side, ``validation`` at the network's. The weights returned are
    the average at the check with the lowest score; ``report`` receives them as they improve.
    """
    torch.manual_seed(recipe.seed)
    network = LandmarkNetwork()
    if start is not None:
        network.load_state_dict(start.state_dict())
    network = network.to(device).to(memory_format=torch.channels_last)
    average = AveragedModel(
        network,
        multi_avg_fn=get_ema_multi_avg_fn(recipe.average),  # type: ignore[no-untyped-call]
        use_buffers=True,
    )
    source = BatchSource(train, recipe, device)
    checked = held_out(validation, device)
    optimizer = torch.optim.AdamW(_groups(network, recipe.weight_decay), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _cosine(recipe))

    checks: list[Check] = []
    best: Check | None = None
    kept = LandmarkNetwork()
    started = time.monotonic()
    sums: dict[str, Tensor] = {}
    for step in range(1, recipe.steps + 1):
        batch = source.draw()
        network.train()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            output = network(batch.grey)
        parts = loss_parts(output, batch.target, recipe.weights)
        loss = torch.stack(tuple(parts.values())).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.gradient_norm)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        sums = {name: sums.get(name, 0) + part.detach() for name, part in parts.items()}
        if step % recipe.check_every and step != recipe.steps:
            continue
        error, ict_error = _judge(average.module.eval(), checked)
        check = Check(
            step=step,
            seconds=time.monotonic() - started,
            loss_parts={name: float(total) / recipe.check_every for name, total in sums.items()},
            error_px224=error,
            ict_error=ict_error,
            learning_rate=float(schedule.get_last_lr()[0]),
        )
        sums = {}
        checks.append(check)
        better = best is None or check.score < best.score
        if better:
            best = check
            kept.load_state_dict(average.module.state_dict())
        report(check, kept.eval() if better else None)
    if best is None:
        raise ValueError("a recipe needs at least one step")
    return Fit(kept.eval(), tuple(checks), best)


def _groups(network: torch.nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Decay weights, not biases and norms."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def _cosine(recipe: Recipe) -> Callable[[int], float]:
    def factor(step: int) -> float:
        if step < recipe.warmup_steps:
            return (step + 1) / recipe.warmup_steps
        done = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    return factor


@torch.inference_mode()
def _judge(network: torch.nn.Module, batch: Batch, size: int = 64) -> tuple[float, float]:
    """Mean landmark error in px of a 224 frame and mean absolute ICT error; NaN where no truth."""
    points = torch.cat([network(part).points for part in torch.split(batch.grey, size)])
    errors = landmark_error_px224(points, batch.target).cpu().numpy()
    ict = cardiothoracic_index(points) - cardiothoracic_index(batch.target.points)
    ict_errors = ict.abs().cpu().numpy()
    return _mean(errors), _mean(ict_errors)


def _mean(values: npt.NDArray[np.float32]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0
