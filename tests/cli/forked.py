"""Commands in processes forked from one that has imported thoraq.

Short commands spend most of their time on imports; each still runs in a separate process.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

from cli.main import COMMANDS, thoraq

PATIENCE_SECONDS = 120.0
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["cli.main", *sorted({module.partition(":")[0] for module, _ in COMMANDS.values()})]
)


def run_forked(words: Sequence[str], environment: Mapping[str, str]) -> CompletedProcess[str]:
    """Run one command to its end."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _CONTEXT.Process(target=_command, args=(list(words), dict(environment), out, err))
        process.start()
        process.join(PATIENCE_SECONDS)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{words} did not end")
        return CompletedProcess(
            words,
            process.exitcode,
            out.read_text(encoding="utf-8", errors="surrogateescape"),
            err.read_text(encoding="utf-8", errors="surrogateescape"),
        )


def _command(words: list[str], environment: dict[str, str], out: Path, err: Path) -> None:
    os.environ.clear()  # noqa: TID251 - a new process
    os.environ.update(environment)  # noqa: TID251
    for stream, path in ((1, out), (2, err)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(descriptor, stream)
    sys.stdout, sys.stderr = (
        os.fdopen(stream, "w", encoding="utf-8", errors="surrogateescape") for stream in (1, 2)
    )
    thoraq(words)
