"""The cost of queue and database compared with the work itself: reading and predicting."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.many.records import Found
from radiograph.phantom import draw_anatomy, project
from radiograph.phantom.archive import write_archive
from scheduler.settings import process_environment

_SIDES_PX = (299, 1024)
_FILES = 40
_WORK = ("list", "hash", "read", "prepare", "predict")
HEAD = ("files", "reading, core-ms", "predicting", "queue and database", "share of the work")


def share_rows(found: Found) -> list[list[str]]:
    """Time the stages on small and on ordinary radiographs, and compare the overhead with them."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="thoraq-many-") as place:
        folders = {f"PNG, {side} px": _pngs(Path(place) / str(side), side) for side in _SIDES_PX}
        write_archive(Path(place) / "archive", 60, 42)
        folders["synthetic: DICOM in ten syntaxes, PNG, JPEG, TIFF"] = Path(place) / "archive"
        for name, folder in folders.items():
            stages = _stages(folder)
            work = sum(stages.values())
            predicting = stages["predict"]
            rows.append(
                [
                    name,
                    f"{work - predicting:.2f}",
                    f"{predicting:.2f}",
                    f"{found.overhead_ms:.2f}",
                    f"{found.overhead_ms / work:.1%}",
                ]
            )
    return rows


def _pngs(folder: Path, side_px: int) -> Path:
    folder.mkdir()
    for seed in range(_FILES):
        random = np.random.default_rng(seed)
        pixels = project(draw_anatomy(random), side_px, side_px, random)
        Image.fromarray((pixels >> 8).astype(np.uint8)).save(folder / f"{seed}.png")
    return folder


def _stages(folder: Path) -> dict[str, float]:
    """Return core-milliseconds per file, by stage."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench.stages", str(folder), "--most", str(_FILES)],
        env=process_environment() | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    cpu: dict[str, float] = dict.fromkeys(_WORK, 0.0)
    files = dict.fromkeys(_WORK, 0)
    for each in json.loads(ran.stdout):
        if each["stage"] in cpu:
            cpu[each["stage"]] += each["cpu_seconds"]
            files[each["stage"]] += each["files"]
    return {stage: 1000 * cpu[stage] / max(1, files[stage]) for stage in _WORK}
