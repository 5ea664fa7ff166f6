"""One phase: batches, loss, weight average, checks, the best weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.fit.checkpoint import random_state, restore_random_state
from training.fit.recipe import Recipe, SplitErrors
from training.plan import Phase, Plan

Weights = dict[str, Tensor]


@dataclass(slots=True)
class PhaseState:
    """State of a phase besides network, average and optimizer."""

    step: int = 0
    best_step: int = 0
    best_score: float = math.inf
    best_px224: float = math.inf
    checks_since_best: int = 0
    # Parts of the loss since the last check; on the device, since reading a number synchronises.
    sums: dict[str, Tensor | float] = field(default_factory=dict)


class PhaseFit:
    """The fit of a phase, whose result is the average at the check with the lowest score.

    ``start_from`` loads trained weights; parameters they lack keep their initial values.
    """

    def __init__(
        self, plan: Plan, phase: Phase, recipe: Recipe, device: torch.device, *, seed: int
    ) -> None:
        self.phase = phase
        self.state = PhaseState()
        self._plan = plan
        self._recipe = recipe
        torch.manual_seed(seed)
        network = recipe.network(phase)
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self._average = self._averaged()
        self._best: Weights = {}
        self._source = recipe.batches()
        self._optimizer = self._prepare()

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Load trained weights before the first step. Raises RuntimeError if they do not fit."""
        missing, unexpected = self.network.load_state_dict(weights, strict=False)
        unmatched = [name for name in missing if not name.startswith("attention.")]
        # A phase without attention drops the attention of an earlier one.
        unmatched += [name for name in unexpected if not name.startswith("attention.")]
        if unmatched:
            raise RuntimeError(f"weights of another network: {unmatched[0]}")
        self._average = self._averaged()

    def average_errors(self, split: str = "val") -> SplitErrors:
        """Return the errors of the current weight average."""
        return self._recipe.errors(self._average.module.eval(), split)

    def best_errors(self, split: str = "val") -> SplitErrors:
        """Return the errors of the best weights, which become the average."""
        self._average.module.load_state_dict(self._best)
        return self.average_errors(split)

    @property
    def best(self) -> Weights:
        """Return the best weights so far, on the CPU; empty before the first check."""
        return self._best

    @property
    def finished(self) -> bool:
        """Return whether all steps are done or patience is exhausted."""
        patience = self.phase.patience
        return self.state.step >= self.phase.steps or (
            patience is not None and self.state.checks_since_best >= patience
        )

    @property
    def check_due(self) -> bool:
        """Return whether a check is due after the last step."""
        step = self.state.step
        return step % self._plan.check_every == 0 or step == self.phase.steps

    def advance(self) -> None:
        """Do one step."""
        self._set_rates()
        batch = self._source.draw()
        self.network.train()
        if self.phase.frozen_trunk:
            for module in self._recipe.trunk(self.network):
                module.eval()  # keeps its running statistics
        parts = self._recipe.loss_parts(self.network, batch, self.phase)
        loss = torch.stack(tuple(parts.values())).sum()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        learning = [p for p in self.network.parameters() if p.requires_grad]
        torch.nn.utils.clip_grad_norm_(learning, self._plan.gradient_norm)
        self._optimizer.step()
        self._average.update_parameters(self.network)
        self.state.step += 1
        for name, part in parts.items():
            self.state.sums[name] = self.state.sums.get(name, 0.0) + part.detach().double()

    def check(self) -> tuple[SplitErrors, dict[str, float]]:
        """Return errors and mean parts of the loss of the average; keep it if it is the best."""
        errors = self.average_errors()
        every = self._plan.check_every
        steps = self.state.step % every or every
        means = {name: float(total) / steps for name, total in self.state.sums.items()}
        self.state.sums = {}
        self.state.checks_since_best += 1
        if errors.score < self.state.best_score or not self._best:
            self.state.best_score = errors.score
            self.state.best_px224 = errors.error_px224
            self.state.best_step = self.state.step
            self.state.checks_since_best = 0
            self._best = {
                name: value.detach().cpu().clone()
                for name, value in self._average.module.state_dict().items()
            }
        return errors, means

    def snapshot(self) -> dict[str, Any]:
        """Return the complete state of the phase, as tensors and plain values."""
        return {
            "network": self.network.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "best": self._best,
            "state": {
                **{name: getattr(self.state, name) for name in PhaseState.__slots__},
                "sums": {name: float(total) for name, total in self.state.sums.items()},
            },
            "order": self._source.state(),
            "random": random_state(),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Resume from a snapshot, as if there had been no interruption."""
        self.network.load_state_dict(snapshot["network"])
        self._average.load_state_dict(snapshot["average"])
        self._optimizer.load_state_dict(snapshot["optimizer"])
        self._best = dict(snapshot["best"])
        self.state = PhaseState(**snapshot["state"])
        self._source.restore(snapshot["order"])
        restore_random_state(snapshot["random"])

    @property
    def rate(self) -> float:
        """Return the learning rate of the head at this step."""
        return self.phase.head_rate * self._factor(self.state.step)

    def _averaged(self) -> AveragedModel:
        return AveragedModel(
            self.network,
            multi_avg_fn=get_ema_multi_avg_fn(self._plan.average),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )

    def _prepare(self) -> torch.optim.Optimizer:
        """Freeze the trunk if required; return the optimizer, without decay of biases and norms."""
        trunk = {
            id(parameter)
            for module in self._recipe.trunk(self.network)
            for parameter in module.parameters()
        }
        groups: list[dict[str, Any]] = []
        for of_trunk, rate in ((True, self.phase.trunk_rate), (False, self.phase.head_rate)):
            some = [p for p in self.network.parameters() if (id(p) in trunk) is of_trunk]
            if of_trunk and self.phase.frozen_trunk:
                for parameter in some:
                    parameter.requires_grad = False
                continue
            decay = self._plan.weight_decay
            groups += [
                {"params": [p for p in some if p.ndim > 1], "weight_decay": decay, "base": rate},
                {"params": [p for p in some if p.ndim <= 1], "weight_decay": 0.0, "base": rate},
            ]
        return torch.optim.AdamW([group for group in groups if group["params"]])

    def _set_rates(self) -> None:
        factor = self._factor(self.state.step)
        for group in self._optimizer.param_groups:
            group["lr"] = group["base"] * factor

    def _factor(self, step: int) -> float:
        """Return the factor of the rates: a linear warm-up, then a cosine to 0."""
        warmup, steps = self.phase.warmup_steps, self.phase.steps
        if step < warmup:
            return (step + 1) / warmup
        done = (step - warmup) / max(1, steps - warmup)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def fit_phase(
    phase_fit: PhaseFit,
    beat: Callable[[], None],
    after_check: Callable[[SplitErrors, dict[str, float]], None],
) -> None:
    """Fit to the end of the phase; call ``beat`` before every step."""
    while not phase_fit.finished:
        beat()
        phase_fit.advance()
        if phase_fit.check_due:
            after_check(*phase_fit.check())
