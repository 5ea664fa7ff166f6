"""A run's state on disk: whole or not there, whatever dies while it is written.

Tensors and plain values alone, so that it loads with ``weights_only``: a checkpoint from
elsewhere cannot run code.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from training.errors import CheckpointBroken

CHECKPOINT_FILE = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write, sync, rename, sync the folder: a crash leaves the old one or the new one."""
    # A worker that was given up for dead may still write; each has a file of its own.
    partial = folder / f"{CHECKPOINT_FILE}.{os.getpid()}"
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / CHECKPOINT_FILE)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read the last one, onto the CPU; None where there is none. Raises CheckpointBroken."""
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(  # noqa: TID251 - tensors and plain values alone
            path, map_location="cpu", weights_only=True
        )
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as exc:
        raise CheckpointBroken(f"{path}: {CheckpointBroken.__doc__}") from exc
    return state


def random_state() -> dict[str, Any]:
    """Return the state of every generator that torch draws from."""
    accelerators = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "accelerators": accelerators}


def restore_random_state(state: dict[str, Any]) -> None:
    """Set every generator; those of devices that are not there are left out."""
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and len(state["accelerators"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["accelerators"])
