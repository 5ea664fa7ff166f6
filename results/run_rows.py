"""Training runs as rows: their progress, their checks, and their phases side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from db.states import RunState
from db.training.records import RunCheck, RunPhase, TrainingRun
from results.columns import plain
from results.duration import duration
from results.rows import Row, Value

#: What a run's row takes from its newest check.
CHECK_FIGURES = (
    "step",
    "steps",
    "epoch",
    "epochs",
    "loss",
    "error_px224",
    "best_px224",
    "ict_error",
    "learning_rate",
    "seconds",
)
#: Every column of the list of runs.
COLUMNS = (
    "run",
    "state",
    "phase",
    *CHECK_FIGURES,
    "seconds_left",
    "device",
    "worker",
    "attempts",
    "code",
    "detail",
    "model",
    "parent",
    "data",
    "created_at",
    "started_at",
    "ended_at",
)
#: What a table shows of a run.
IN_TABLE = (
    "run",
    "state",
    "phase",
    "epoch",
    "error_px224",
    "best_px224",
    "left",
    "device",
    "created_at",
)
#: What a table shows of a check.
CHECK_IN_TABLE = (
    "phase",
    "step",
    "epoch",
    "loss",
    "error_px224",
    "best_px224",
    "ict_error",
    "learning_rate",
    "seconds",
)


def run_row(run: TrainingRun) -> Row:
    """Return the state of a run; errors in px of a 224 frame, on the validation split."""
    last = run.last
    return {
        "run": run.name,
        "state": str(run.state),
        "phase": None if last is None else phase_text(run, last),
        **(
            dict.fromkeys(CHECK_FIGURES)
            if last is None
            else {name: value for name, value in check_row(last).items() if name in CHECK_FIGURES}
        ),
        "seconds_left": plain(seconds_left(run), 0),
        "device": run.device,
        "worker": run.worker,
        "attempts": run.attempts,
        "code": run.code,
        "detail": run.detail,
        "model": run.model_version,
        "parent": run.parent,
        "data": run.data,
        "created_at": plain(run.created_at),
        "started_at": plain(run.started_at),
        "ended_at": plain(run.ended_at),
    }


def seconds_left(run: TrainingRun) -> float | None:
    """Return the time of the remaining steps; None if there are none, or it is unknown."""
    last = run.last
    if last is None or is_over(run) or last.seconds_left <= 0 or is_judged(run, last):
        return None  # building and evaluating the network takes minutes after the last step
    return last.seconds_left


def is_over(run: TrainingRun) -> bool:
    """Whether a run has ended."""
    return run.state not in {RunState.QUEUED, RunState.RUNNING}


def table_row(run: TrainingRun) -> Row:
    """Return a run's row with the time left as readable text."""
    row = run_row(run)
    left = row["seconds_left"]
    return {**row, "left": None if left is None else duration(float(left))}


def phase_text(run: TrainingRun, last: RunCheck) -> str:
    """Return ``symmetry, 5 of 6``."""
    return f"{last.phase_name}, {last.ordinal + 1} of {phase_count(run)}"


def phase_count(run: TrainingRun) -> int:
    """Return the number of phases in the plan of a run."""
    phases = run.plan["phases"]
    return len(phases) if isinstance(phases, Sequence) else 0


def is_judged(run: TrainingRun, last: RunCheck) -> bool:
    """Whether every step of a run is done and its network is being built and evaluated."""
    at_work = run.state is RunState.RUNNING
    return at_work and last.ordinal + 1 == phase_count(run) and last.step == last.steps


#: What can be chosen of a check; which parts the loss has differs from run to run.
CHECK_COLUMNS = ("phase", *CHECK_FIGURES)


def check_row(check: RunCheck, parts: Sequence[str] = ()) -> Row:
    """Return an evaluation; ``parts``: the parts of the loss, one column each."""
    return {
        "phase": check.phase_name,
        "step": check.step,
        "steps": check.steps,
        "epoch": plain(check.epoch, 1),
        "epochs": plain(check.epochs, 1),
        "loss": plain(sum(check.loss_parts.values()), 3),
        # Rounded only in tables: rounding twice may give a wrong last digit.
        "error_px224": check.error_px224,
        "best_px224": check.best_px224,
        "ict_error": check.ict_error,
        "learning_rate": float(f"{check.learning_rate:.3g}"),
        "seconds": plain(check.seconds, 0),
        **{f"loss_{part}": plain(check.loss_parts.get(part), 4) for part in parts},
    }


def check_rows(checks: Sequence[RunCheck]) -> Iterator[Row]:
    """Return the evaluations with every part of the loss that any of them has."""
    parts = list(dict.fromkeys(part for check in checks for part in check.loss_parts))
    return (check_row(check, parts) for check in checks)


def loss_text(parts: Mapping[str, float]) -> str:
    """Return the parts of a loss that are not zero, largest first."""
    ordered = sorted(parts.items(), key=lambda part: -abs(part[1]))
    return "  ".join(f"{name} {value:.3g}" for name, value in ordered if value)


def phase_row(run: TrainingRun, phase: RunPhase) -> Row:
    """Return the outcome of a phase; errors in px of a 224 frame, on the validation split."""
    started = phase.start_px224
    return {
        "run": run.name,
        "number": phase.phase,
        "phase": phase.phase_name,
        "error_px224": phase.error_px224,
        "start_px224": started,
        "difference": None if started is None else plain(phase.error_px224 - started, 3),
        "difference_low": plain(phase.difference_low, 3),
        "difference_high": plain(phase.difference_high, 3),
        "ict_error": phase.ict_error,
        "kept": phase.kept,
        "reason": phase.reason,
        "steps": phase.steps,
        "seconds": plain(phase.seconds, 0),
    }


def phase_cell(phase: RunPhase) -> str:
    """Return ``5.31  -0.42 [-0.61, -0.22]  kept``."""
    text = f"{phase.error_px224:.2f}"
    if phase.start_px224 is not None:
        text += f"  {phase.error_px224 - phase.start_px224:+.2f}"
    if phase.difference_low is not None and phase.difference_high is not None:
        text += f" [{phase.difference_low:+.2f}, {phase.difference_high:+.2f}]"
    return f"{text}  {'kept' if phase.kept else 'not kept'}"


def phase_table(ended: Mapping[str, Sequence[RunPhase]]) -> list[Row]:
    """Return a row per phase with a column per run; phases in the order of the runs."""
    names = list(dict.fromkeys(phase.phase_name for phases in ended.values() for phase in phases))
    rows: list[Row] = []
    for name in names:
        row: dict[str, Value] = {"phase": name}
        for run, phases in ended.items():
            row[run] = next((phase_cell(each) for each in phases if each.phase_name == name), None)
        rows.append(row)
    return rows


def plain_run(run: TrainingRun, phases: Sequence[RunPhase]) -> dict[str, object]:
    """Return everything about one run, with the parts of its loss and its phases."""
    return {
        **run_row(run),
        "loss_parts": None if run.last is None else dict(run.last.loss_parts),
        "start": run.start,
        "teachers": list(run.teachers),
        "plan": dict(run.plan),
        "phases": [asdict(phase) | {"number": phase.phase} for phase in phases],
    }
