"""How fast each runtime predicts: ``python -m benchmarks.runtimes``.

The runtimes take turns on the same squares in one thread; a time is the median over the rounds of
this process's CPU time, so that neighbours of a shared machine matter little.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import numpy as np
import torch

from network.card import shipped_card
from network.errors import RuntimeUnavailable
from network.input import INPUT_SIDE_PX
from network.prediction import Runtime
from network.predictor import Predictor


def main() -> None:
    """Print milliseconds an image and the ratio to torch."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtimes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=16)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    squares = np.random.default_rng(0).integers(
        0, 256, (asked.batch, INPUT_SIDE_PX, INPUT_SIDE_PX), dtype=np.uint8
    )
    predictors = {}
    for runtime in (Runtime.TORCH, Runtime.OPENVINO):
        try:
            predictors[runtime] = Predictor.load(shipped_card(), "cpu", runtime=runtime)
        except RuntimeUnavailable as exc:
            sys.stderr.write(f"{runtime}: {exc}\n")
    times: dict[Runtime, list[float]] = {each: [] for each in predictors}
    for turn in range(asked.rounds + 1):
        for runtime, predictor in predictors.items():
            began = time.process_time()
            predictor.predict(squares)
            if turn:  # the first warms up
                times[runtime].append((time.process_time() - began) * 1000 / asked.batch)
    medians = {runtime: statistics.median(each) for runtime, each in times.items()}
    print("| runtime | CPU-ms an image, both readings | times torch |")  # noqa: T201
    print("|---|---|---|")  # noqa: T201
    for runtime, median in medians.items():
        ratio = medians[Runtime.TORCH] / median
        print(f"| {runtime} | {median:.1f} | {ratio:.2f} |")  # noqa: T201


if __name__ == "__main__":
    main()
