"""``python -m worker --device auto|cpu|cuda:N``: pins itself, then becomes the worker."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack

from db.errors import SchemaNewer
from db.schema import refuse_newer
from network.card import shipped_card, verify_weights
from network.errors import NetworkError
from scheduler.cores import usable_cores
from scheduler.devices import choose, find_devices
from scheduler.errors import MISCONFIGURED, SchedulerError
from scheduler.rights import private
from scheduler.settings import process_environment, read_settings
from scheduler.terminal import Parser, printable
from worker.pinning import pinned


def main() -> None:
    """Check what can be checked without a device, then replace this process."""
    parser = Parser(prog="python -m worker", description=__doc__)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N")
    parser.add_argument("--name", help="cpu0 or gpuN where absent; the host is appended")
    parser.add_argument("--readers", type=int, help="reading processes")
    parser.add_argument("--core", type=int, help="the only core it uses, with its readers")
    parser.add_argument("--queues", choices=("measure", "training"), default="measure")
    asked = parser.parse_args()
    try:
        verify_weights(shipped_card())
        device = "cpu" if asked.device == "cpu" else choose(asked.device, find_devices())[0]
        settings = read_settings()
        refuse_newer(settings.database)
        threads = settings.training_threads if asked.queues == "training" else 1
        kept = ExitStack()  # until this process is replaced, and after
        kept.enter_context(private(settings))
        environment = pinned(process_environment(), device, threads)
    except (NetworkError, SchedulerError, SchemaNewer) as exc:
        sys.stderr.write(printable(f"{exc.code}: {exc}") + "\n")
        sys.exit(MISCONFIGURED)
    if asked.core is not None:
        os.sched_setaffinity(0, {asked.core})
    readers = asked.readers or settings.readers or max(1, usable_cores() - (device == "cpu"))
    index = device.partition(":")[2]
    command = [sys.executable, "-m", "worker.serve"]
    # Pinned, the only device left is the first.
    command += ["--device", "cpu" if device == "cpu" else "cuda:0", "--place", device]
    kind = "training" if asked.queues == "training" else "cpu" if device == "cpu" else "gpu"
    command += ["--name", asked.name or f"{kind}{index or 0}"]
    command += ["--queues", asked.queues]
    command += ["--readers", str(readers)]
    os.execve(command[0], command, environment)  # noqa: S606 - replacing it is the purpose


if __name__ == "__main__":
    main()
