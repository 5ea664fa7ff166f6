"""Speed of the runtimes: ``python -m benchmarks.runtimes [--device cuda]``.

The runtimes take turns on the same inputs, on a CPU in one thread. A time is the median over the
rounds: of this process's CPU time, so that other users of a shared machine matter little, or of
wall-clock time on an accelerator.
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
from network.predictor_choice import load_predictor
from network.runtime import Runtime


def main() -> None:
    """Print milliseconds per image and the ratio to torch in fp32."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtimes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--device", default="cpu", help="cpu or cuda:N")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    clock = time.process_time if asked.device == "cpu" else time.perf_counter
    squares = np.random.default_rng(0).integers(
        0, 256, (asked.batch, INPUT_SIDE_PX, INPUT_SIDE_PX), dtype=np.uint8
    )
    # (runtime, whether in fp32)
    fast = Runtime.OPENVINO if asked.device == "cpu" else Runtime.AUTO
    ways = [(Runtime.TORCH, True), (fast, True), (fast, False)]
    predictors = {}
    for runtime, exact in ways:
        try:
            loaded = load_predictor(
                shipped_card(), asked.device, runtime=runtime, exact=exact, threads=1
            )
            how = "layer by layer" if runtime is Runtime.TORCH else "compiled"
            predictors[f"{loaded.runtime}, {loaded.precision}, {how}"] = loaded
        except RuntimeUnavailable as exc:
            sys.stderr.write(f"{runtime}: {exc}\n")
    times: dict[str, list[float]] = {each: [] for each in predictors}
    for turn in range(asked.rounds + 1):
        for name, predictor in predictors.items():
            began = clock()
            predictor.predict(squares)
            if turn:  # the first round warms up
                times[name].append((clock() - began) * 1000 / asked.batch)
    medians = {name: statistics.median(each) for name, each in times.items()}
    reference = next(iter(medians.values()))
    print("| runtime | ms per image, both readings | images/s | times torch |")  # noqa: T201
    print("|---|---|---|---|")  # noqa: T201
    for name, median in medians.items():
        ratio = reference / median
        print(f"| {name} | {median:.2f} | {1000 / median:.0f} | {ratio:.2f} |")  # noqa: T201


if __name__ == "__main__":
    main()
