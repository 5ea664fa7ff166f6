"""A run: the phases of a plan in sequence; it can be stopped at any step and resumed.

On a CPU, with the same number of threads, a resumed run ends with bit-identical weights: a
checkpoint contains the state of the generators, and each phase starts from a seed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from db.training.records import RunCheck, RunPhase
from network.weights import save_network
from training.errors import NoPhaseBetter, PlanDiffers, RunTaken, TrainingMemoryExhausted
from training.fit.checkpoint import load_checkpoint, put_whole, save_checkpoint
from training.fit.gate import compare_errors
from training.fit.origin import Origin, prepare_recipe
from training.fit.phase import PhaseFit, fit_phase
from training.fit.recipe import Recipe, SplitErrors
from training.plan import Phase, Plan
from training.progress import PlanResult, Watcher

WEIGHTS_FILE = "network.safetensors"
FIT_FILE = "fit.json"
CHECKS_FILE = "checks.jsonl"


def run_plan(
    plan: Plan,
    data: Path,
    folder: Path,
    device: torch.device,
    watcher: Watcher,
    *,
    start: Path | None = None,
    teachers: Sequence[Path] = (),
    checkpoint_seconds: float = 60.0,
    memory_share: float | None = None,
) -> PlanResult:
    """Run ``plan`` on the annotated radiographs of ``data`` and write files to ``folder``.

    Resumes from the checkpoint in ``folder`` if there is one. An exception from ``watcher.beat``
    ends the run after a checkpoint. ``start`` and ``teachers`` are weights files;
    ``memory_share``: limit of its share of the memory of an accelerator.

    Raises DataMissing, PlanDiffers, CheckpointBroken, TrainingDiverged, NoPhaseBetter,
    TrainingMemoryExhausted, WeightsMismatch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if memory_share is not None and device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(memory_share, device)
    state = load_checkpoint(folder)
    if state is not None and state["plan"] != plan.as_mapping():
        raise PlanDiffers.about(folder)
    try:
        recipe, origin = prepare_recipe(plan, data, device, start=start, teachers=teachers)
        run = _Run(
            plan,
            recipe,
            origin,
            folder,
            device,
            watcher,
            checkpoint_seconds=checkpoint_seconds,
            state=state,
        )
        return run.finish()
    except torch.cuda.OutOfMemoryError as exc:
        raise TrainingMemoryExhausted from exc


class _Run:
    """The state of a run between its phases, and the checkpoints within them."""

    def __init__(  # noqa: PLR0917 - in the order of `run_plan`
        self,
        plan: Plan,
        recipe: Recipe,
        origin: Origin,
        folder: Path,
        device: torch.device,
        watcher: Watcher,
        *,
        checkpoint_seconds: float,
        state: Mapping[str, Any] | None,
    ) -> None:
        self._plan, self._recipe, self._origin = plan, recipe, origin
        self._folder, self._device, self._watcher = folder, device, watcher
        self._pause_seconds = checkpoint_seconds
        saved: Mapping[str, Any] = state or {}
        self._results = [RunPhase(**each) for each in saved.get("phases", [])]
        self._checks = [RunCheck(**each) for each in saved.get("checks", [])]
        self._fit_snapshot = saved.get("fit")
        self._seconds_before = float(saved.get("seconds", 0.0))
        self._resumed_at = self._saved_at = time.monotonic()

    def finish(self) -> PlanResult:
        """Fit every phase that has not ended."""
        for ordinal in range(len(self._results), len(self._plan.phases)):
            self._fit_phase(ordinal)
        last = self._last_kept()
        if last is None:
            raise NoPhaseBetter
        network = self._recipe.network(self._plan.phases[last])
        network.load_state_dict(self._weights(last))
        weights = self._folder / WEIGHTS_FILE
        save_network(network, weights)
        fit = {"pretraining": self._origin.description, "plan": self._plan.as_mapping()}
        _write(self._folder / FIT_FILE, json.dumps(fit, indent=1) + "\n")
        lines = [json.dumps(asdict(check)) for check in self._checks]
        _write(self._folder / CHECKS_FILE, "\n".join(lines) + "\n")
        return PlanResult(weights, tuple(self._results), tuple(self._checks))

    def _fit_phase(self, ordinal: int) -> None:
        phase = self._plan.phases[ordinal]
        first = self._start_of(phase)
        before = None if first is None else self._errors_of(phase, first)
        phase_fit = PhaseFit(
            self._plan, phase, self._recipe, self._device, seed=self._plan.seed + ordinal
        )
        if first is not None:
            phase_fit.start_from(first)
        if self._fit_snapshot is not None:
            phase_fit.restore(self._fit_snapshot)
            self._fit_snapshot = None
        started = self._seconds()
        fit_phase(phase_fit, self._beat(phase_fit), self._after_check(ordinal, phase_fit))
        self._end_phase(ordinal, phase_fit, before, self._seconds() - started)

    def _beat(self, phase_fit: PhaseFit) -> Callable[[], None]:
        def beat() -> None:
            try:
                self._watcher.beat()
            except RunTaken:
                raise  # another worker owns the checkpoint
            except BaseException:
                # The state is consistent only between two steps.
                self._save(phase_fit)
                raise
            if time.monotonic() - self._saved_at >= self._pause_seconds:
                self._save(phase_fit)

        return beat

    def _after_check(
        self, ordinal: int, phase_fit: PhaseFit
    ) -> Callable[[SplitErrors, dict[str, float]], None]:
        phase = phase_fit.phase
        ended = sum(each.steps for each in self._plan.phases[:ordinal])

        def record_check(errors: SplitErrors, parts: dict[str, float]) -> None:
            step, seconds = phase_fit.state.step, self._seconds()
            left = self._plan.steps - ended - step
            check = RunCheck(
                ordinal=ordinal,
                phase=phase.number,
                phase_name=phase.name,
                step=step,
                steps=phase.steps,
                epoch=step / self._recipe.epoch_steps,
                epochs=phase.steps / self._recipe.epoch_steps,
                seconds=seconds,
                seconds_left=seconds / (ended + step) * left,
                loss_parts=parts,
                error_px224=errors.error_px224,
                ict_error=errors.ict_error,
                best_px224=phase_fit.state.best_px224,
                learning_rate=phase_fit.rate,
            )
            self._checks.append(check)
            self._watcher.checked(check)

        return record_check

    def _end_phase(
        self, ordinal: int, phase_fit: PhaseFit, before: SplitErrors | None, seconds: float
    ) -> None:
        after, test = phase_fit.best_errors(), phase_fit.best_errors("test")
        verdict = compare_errors(None if before is None else before.cases, after.cases)
        original = self._plan.original
        result = RunPhase(
            ordinal=ordinal,
            phase=phase_fit.phase.number,
            phase_name=phase_fit.phase.name,
            kept=verdict.kept or original,
            reason=f"{verdict.reason}; the original keeps it" if original else verdict.reason,
            error_px224=after.error_px224,
            start_px224=None if before is None else before.error_px224,
            difference_low=verdict.low,
            difference_high=verdict.high,
            ict_error=after.ict_error,
            steps=phase_fit.state.step,
            seconds=seconds,
            figures={
                "best_step": float(phase_fit.state.best_step),
                **_figures("validation", after),
                # For the table only: it is not used for selection.
                **_figures("test", test),
            },
        )
        # The watcher is called first: a run that dies here ends the phase again, and a worker that
        # has lost the run meanwhile stops before it writes.
        self._watcher.phase_ended(result)
        weights = {name: value.contiguous() for name, value in phase_fit.best.items()}
        put_whole(
            self._folder / f"phase-{ordinal}.safetensors",
            lambda partial: save_file(weights, partial),
        )
        self._results.append(result)
        self._save(None)

    def _errors_of(self, phase: Phase, weights: Mapping[str, torch.Tensor]) -> SplitErrors:
        """Return the errors of a network built with attention if its weights have it."""
        attention = any(name.startswith("attention.") for name in weights)
        network = self._recipe.network(replace(phase, attention=attention))
        network.load_state_dict(weights)
        network = network.to(self._device).to(memory_format=torch.channels_last)
        return self._recipe.errors(network.eval(), "val")

    def _last_kept(self) -> int | None:
        """Return the last phase that made the network better; None without one."""
        kept = [each.ordinal for each in self._results if each.kept]
        return kept[-1] if kept else None

    def _start_of(self, phase: Phase) -> Mapping[str, torch.Tensor] | None:
        """Return the weights a phase starts from; None for the network's initial ones."""
        ended = {each.phase_name: each.ordinal for each in self._results}
        if phase.start is not None and phase.start in ended:
            return self._weights(ended[phase.start])
        last = self._last_kept()
        return self._origin.weights if last is None else self._weights(last)

    def _weights(self, ordinal: int) -> dict[str, torch.Tensor]:
        return load_file(self._folder / f"phase-{ordinal}.safetensors")

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._resumed_at

    def _save(self, phase_fit: PhaseFit | None) -> None:
        save_checkpoint(
            self._folder,
            len(self._results),
            0 if phase_fit is None else phase_fit.state.step,
            {
                "plan": self._plan.as_mapping(),
                "phases": [asdict(each) for each in self._results],
                "checks": [asdict(each) for each in self._checks],
                "fit": None if phase_fit is None else phase_fit.snapshot(),
                "seconds": self._seconds(),
            },
        )
        self._saved_at = time.monotonic()


def _figures(split: str, errors: SplitErrors) -> dict[str, float]:
    cases = errors.cases[np.isfinite(errors.cases)]
    if not len(cases):
        return {}
    return {
        f"{split}_px224": float(cases.mean()),
        f"{split}_median_px224": float(np.median(cases)),
        f"{split}_excellent": float((cases < 5).mean()),
        f"{split}_review": float((cases >= 15).mean()),
    }


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
