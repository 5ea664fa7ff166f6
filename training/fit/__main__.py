"""Run a plan at the terminal: ``python -m training.fit --data DIR --out DIR``.

The same as `thoraq train`, without a queue. Networks of several seeds can be teachers:
``--teachers`` blends their points and outlines into the training split, so that one network learns
every point from every radiograph. Started again with the same options it resumes from its
checkpoint.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch

from db.training.records import RunCheck, RunPhase
from training.errors import TrainingError
from training.fit.run import run_plan
from training.plan import Plan


class Terminal:
    """Prints one line per check and per phase."""

    def beat(self) -> None:
        """Do nothing: a run at the terminal is not stopped."""

    def checked(self, check: RunCheck) -> None:
        """Print the state of the run."""
        parts = " ".join(f"{name} {value:.2f}" for name, value in check.loss_parts.items())
        ict = "" if check.ict_error is None else f"  ICT {check.ict_error:.4f}"
        sys.stdout.write(
            f"{check.phase_name}: step {check.step}/{check.steps}  {check.seconds:.0f} s, "
            f"{check.seconds_left:.0f} s left  val {check.error_px224:.3f} px@224{ict}  {parts}\n"
        )
        sys.stdout.flush()

    def phase_ended(self, result: RunPhase) -> None:
        """Print how a phase ended."""
        kept = "kept" if result.kept else "not kept"
        test = result.figures.get("test_px224")
        tested = "" if test is None else f", test {test:.3f}"
        sys.stdout.write(
            f"{result.phase_name}: {kept}, val {result.error_px224:.3f} px@224{tested}; "
            f"{result.reason}\n"
        )


def main() -> None:
    """Run the plan and print the path of the weights."""
    parser = argparse.ArgumentParser(prog="python -m training.fit", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for all the run leaves")
    parser.add_argument("--run", type=Path, help="TOML of the plan; the four phases where absent")
    parser.add_argument("--faithful", action="store_true", help="the original recipe's plan")
    parser.add_argument("--phases", help="numbers such as 1-4; all where absent")
    parser.add_argument("--scale", type=float, default=1.0, help="of the plan's steps")
    parser.add_argument("--seed", type=int, help="overrides the plan")
    parser.add_argument("--start", type=Path, help="weights to go on from; scratch where absent")
    parser.add_argument("--teachers", type=Path, nargs="*", default=[], help="weights files")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    try:
        if options.run:
            plan = Plan.read(options.run)
        else:
            plan = Plan.faithful() if options.faithful else Plan.four_phases()
        plan = plan.only(options.phases) if options.phases else plan
        plan = plan if options.scale == 1.0 else plan.scaled(options.scale)
        plan = plan if options.seed is None else replace(plan, seed=options.seed)
        result = run_plan(
            plan,
            options.data,
            options.out,
            torch.device(options.device),
            Terminal(),
            start=options.start,
            teachers=options.teachers,
        )
    except (OSError, ValueError, TrainingError) as exc:
        parser.exit(2, f"error: {exc}\n")
    sys.stdout.write(f"weights: {result.weights}\n")


if __name__ == "__main__":
    main()
