"""Printing one training run in full, and comparing several."""

from __future__ import annotations

from collections.abc import Sequence

from cli.output.printing import Row, Value, as_text, print_table, say
from db.database import Database
from db.models import list_models
from db.training.records import RunPhase, TrainingRun
from results.duration import duration
from results.network_figures import figures_row
from results.run_rows import loss_text, phase_cell, phase_table, phase_text, seconds_left

#: Width of the names of a run's properties.
NAME_CELLS = 18


def print_run(run: TrainingRun, phases: Sequence[RunPhase]) -> None:
    """Print a run's state, its newest evaluation and its phases, in paragraphs."""
    say(f"{run.name}: {run.state}", bold=True)
    show("data", run.data)
    show("starts from", run.parent or run.start)
    show("teachers", ", ".join(run.teachers) or None)
    show("device", None if run.device is None else f"{run.device}, {run.worker}")
    show("code", run.code)
    show("detail", run.detail)
    show("network", run.model_version)
    last = run.last
    if last is not None:
        say()
        show("phase", phase_text(run, last))
        show("epoch", f"{last.epoch:.1f} of {last.epochs:.1f} (step {last.step} of {last.steps})")
        show("loss", loss_text(last.loss_parts))
        show("validation error", f"{last.error_px224:.2f} px of a 224 frame")
        show("best so far", f"{last.best_px224:.2f} px of a 224 frame")
        show("index error", None if last.ict_error is None else f"{last.ict_error:.3f}")
        show("time", duration(last.seconds))
        left = seconds_left(run)
        show("time left", None if left is None else duration(left))
    if phases:
        say()
        rows: list[Row] = [
            {"phase": each.phase_name, "error_px224": phase_cell(each), "why": each.reason}
            for each in phases
        ]
        print_table(rows)


def show(name: str, value: str | None) -> None:
    """Print one line, unless the value is absent."""
    if value is not None:
        say(f"{name:<{NAME_CELLS}}{value}")


def print_comparison(
    ended: Sequence[tuple[TrainingRun, Sequence[RunPhase]]], database: Database
) -> None:
    """Print the phase table, the test error of each network, and why phases were not kept."""
    rows = phase_table({run.name: phases for run, phases in ended})
    figures = {model.version: figures_row(model.card) for model in list_models(database)}
    tested: dict[str, Value] = {"phase": "network, test split"}
    for run, _ in ended:
        error = figures.get(run.model_version or "", {}).get("landmark_error_px224")
        tested[run.name] = None if error is None else as_text(error)
    if any(tested[run.name] for run, _ in ended):
        rows.append(tested)
    if not rows:
        say("no phase has ended yet", err=True)
    print_table(rows)
    dropped = [(run, each) for run, phases in ended for each in phases if not each.kept]
    if dropped:
        say()
    for run, phase in dropped:
        say(f"{run.name}, {phase.phase_name}: {phase.reason}")
