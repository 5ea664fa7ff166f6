"""What the objects of a radiograph cost: ``python -m benchmarks.objects``.

On a made radiograph whose header is read from the bytes of its file, in one thread of this process,
in CPU time. Objects are counted with their bytes. Reading the pixels again for the drawing is not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from radiograph.image import Radiograph
from radiograph.measurement import measure
from radiograph.overlay import draw_on, to_upright
from radiograph.phantom.cases import draw_cases
from radiograph.picture import as_picture
from radiograph.reading import ReadLimits, read_content
from radiograph.reading.source import source_dataset
from radiograph.records import IctThresholds
from results.objects.findings import Findings
from results.objects.header import source_header
from results.objects.identity import Identity
from results.objects.modules import file_bytes
from results.objects.observation import observation
from results.objects.presentation_state import presentation_state
from results.objects.secondary_capture import DRAWING_SIDE_PX, secondary_capture
from results.objects.structured_report import structured_report

_LIMITS = ReadLimits(max_file_bytes=256 << 20, max_pixels=100_000_000, min_side_px=64)


def main() -> None:
    """Print milliseconds of each step."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.objects", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--side", type=int, default=DRAWING_SIDE_PX, help="of the drawing, pixels")
    asked = parser.parse_args()
    times = objects_ms(asked.rounds, asked.side)
    for name, ms in (times | {"all": sum(times.values())}).items():
        sys.stdout.write(f"{name:<20}{ms:8.2f} ms\n")


def objects_ms(rounds: int, side: int = DRAWING_SIDE_PX) -> dict[str, float]:
    """Return the milliseconds of one core that each step takes, the median over the rounds."""
    data, findings, radiograph = _radiograph()
    picture = as_picture(radiograph, side)
    drawing = draw_on(picture, findings.measurement, side)
    source = source_header(source_dataset(data, len(data)), Identity())
    steps: dict[str, Callable[[], object]] = {
        "header": lambda: source_header(source_dataset(data, len(data)), Identity()),
        "drawing": lambda: draw_on(picture, findings.measurement, side),
        "structured report": lambda: file_bytes(structured_report(findings, source)),
        "presentation state": lambda: file_bytes(presentation_state(findings, source)),
        "secondary capture": lambda: file_bytes(secondary_capture(findings, source, drawing)),
        "observation": lambda: json.dumps(observation(findings)),
    }
    return {name: _median_ms(step, rounds) for name, step in steps.items()}


def _median_ms(step: Callable[[], object], rounds: int) -> float:
    step()  # the first makes what all share
    found = []
    for _ in range(rounds):
        began = time.process_time()
        step()
        found.append(1000 * (time.process_time() - began))
    return statistics.median(found)


def _radiograph() -> tuple[bytes, Findings, Radiograph]:
    """Return a file, what is to be said of it, and its pixels."""
    case = next(case for case in draw_cases(40, seed=1) if case.path.endswith(".dcm"))
    data = case.encode()
    radiograph = read_content(data, case.path, _LIMITS)
    way = radiograph.to_source
    upright = to_upright(case.points().tolist(), way)
    measurement = measure(
        upright,
        np.full(len(upright), 2.0),
        to_source=way,
        header=radiograph.header,
        frontal_probability=1.0,
        calibration=None,
        thresholds=IctThresholds(),
    )
    findings = Findings(
        sha256="0" * 64,
        header=radiograph.header,
        measurement=measurement,
        model_version="benchmark",
        weights_digest="0" * 64,
        code_version="benchmark",
        measured_at=datetime.now(UTC),
    )
    return data, findings, radiograph


if __name__ == "__main__":
    main()
