"""Fit the landmark network: ``python -m training.fit --data DIR --out DIR``.

Several seeds make teachers; ``--teachers`` blends their points and outlines into the training
split, so that one network learns every point from every film.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from network.input import INPUT_SIDE_PX
from network.landmark_network import LandmarkNetwork
from network.pretraining import start_from_imagenet
from network.weights import read_network, save_network
from training.fitting import Check, fit
from training.recipe import Recipe
from training.samples import TRAINING_SIDE_PX, Samples, read_samples
from training.teaching import taught


def main() -> None:
    """Parse, read, fit, write weights and the log of checks."""
    parser = argparse.ArgumentParser(prog="python -m training.fit", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and log")
    parser.add_argument("--run", type=Path, help="TOML of hyper-parameters (training/runs)")
    parser.add_argument("--seed", type=int, help="overrides the run file")
    parser.add_argument("--steps", type=int, help="overrides the run file")
    parser.add_argument("--start", type=Path, help="weights to go on from; scratch where absent")
    parser.add_argument("--teachers", type=Path, nargs="*", default=[], help="weights files")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()

    changes = {k: v for k in ("seed", "steps") if (v := getattr(options, k)) is not None}
    recipe = Recipe.read(options.run, **changes) if options.run else Recipe.from_mapping(changes)
    device = torch.device(options.device)
    train = _samples(options.data, TRAINING_SIDE_PX).split("train")
    validation = _samples(options.data, INPUT_SIDE_PX).split("val")
    if options.teachers:
        teachers = [read_network(path).to(device) for path in options.teachers]
        train = taught(train, teachers, device, recipe.teacher_share)
    torch.manual_seed(recipe.seed)
    start = read_network(options.start) if options.start else LandmarkNetwork()
    origin = f"the weights of {options.start}" if options.start else start_from_imagenet(start)
    sys.stdout.write(f"starts from {origin}\n")
    options.out.mkdir(parents=True, exist_ok=True)
    log = (options.out / "checks.jsonl").open("w", encoding="utf-8")

    def report(check: Check, better: LandmarkNetwork | None) -> None:
        if better is not None:  # a fit that is stopped leaves its best so far
            save_network(better, options.out / "network.safetensors")
        log.write(json.dumps(asdict(check)) + "\n")
        log.flush()
        parts = " ".join(f"{name} {value:.2f}" for name, value in check.loss_parts.items())
        sys.stdout.write(
            f"step {check.step:6d}  {check.seconds:6.0f} s  "
            f"val {check.error_px224:.3f} px@224  ICT {check.ict_error:.4f}  {parts}\n"
        )
        sys.stdout.flush()

    with log:
        result = fit(train, validation, recipe, device, report=report, start=start)
    made = {"pretraining": origin, "recipe": recipe.as_mapping()}
    (options.out / "fit.json").write_text(json.dumps(made, indent=1) + "\n")
    sys.stdout.write(f"best at step {result.best.step}: {result.best.error_px224:.3f} px@224\n")


def _samples(data: Path, side: int) -> Samples:
    """Read a folder, or the file ``samples-SIDE.npz`` in it that was made from one."""
    carried = data / f"samples-{side}.npz"
    return Samples.load(carried) if carried.exists() else read_samples(data, side=side)


if __name__ == "__main__":
    main()
