"""A run's state on disk, written atomically.

Only tensors and plain values, so that it loads with ``weights_only``: a checkpoint from
elsewhere cannot run code. A checkpoint is named by phase and step, and the furthest is used: a
worker that was presumed dead cannot replace the checkpoint of its successor.
"""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from training.errors import CheckpointBroken

_NAME = re.compile(r"checkpoint-(\d+)-(\d+)\.pt")


def save_checkpoint(folder: Path, ordinal: int, step: int, state: dict[str, Any]) -> None:
    """Write a checkpoint after ``step`` steps of phase ``ordinal``; keep only the furthest."""
    put_whole(
        folder / f"checkpoint-{ordinal}-{step}.pt", lambda partial: torch.save(state, partial)
    )
    for passed in checkpoints(folder)[:-1]:
        passed.unlink(missing_ok=True)


def put_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically and durably: a crash leaves the old file or the new one."""
    # Two workers may write at once, each to its own temporary file.
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    write(partial)
    _sync(partial)
    partial.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the furthest checkpoint on the CPU; None if absent. Raises CheckpointBroken."""
    while paths := checkpoints(folder):
        try:
            state: dict[str, Any] = torch.load(  # noqa: TID251 - only tensors and plain values
                paths[-1], map_location="cpu", weights_only=True
            )
        except FileNotFoundError:
            continue  # replaced meanwhile by another worker
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as exc:
            raise CheckpointBroken.about(paths[-1]) from exc
        return state
    return None


def checkpoints(folder: Path) -> list[Path]:
    """Return the complete checkpoints, the furthest last."""
    found = [(match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    found.sort(key=lambda each: (int(each[0][1]), int(each[0][2])))
    return [path for _, path in found]


def drop_checkpoints(folder: Path) -> None:
    """Remove all checkpoints, also incomplete ones: a finished run is not resumed."""
    for path in folder.glob("checkpoint-*"):
        path.unlink(missing_ok=True)


def random_state() -> dict[str, Any]:
    """Return the state of every random generator of torch."""
    accelerators = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "accelerators": accelerators}


def restore_random_state(state: dict[str, Any]) -> None:
    """Restore every generator; those of absent devices are skipped."""
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and len(state["accelerators"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["accelerators"])
