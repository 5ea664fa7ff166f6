"""``python -m worker --device auto|cpu|cuda:N``: pins itself to the device, then starts working."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from string import ascii_lowercase

from db.errors import SchemaNewer
from db.schema import refuse_newer
from network.card import shipped_card, verify_weights
from network.errors import NetworkError
from scheduler.cores import usable_cores
from scheduler.devices import choose_devices, find_devices, split_share
from scheduler.errors import MISCONFIGURED, SchedulerError
from scheduler.rights import private_files
from scheduler.settings import process_environment, read_settings
from scheduler.terminal import Parser, printable
from worker.pinned_environment import pinned_environment


def _readers(device: str, sharing: int | None) -> int:
    """Return the number of reading processes; workers on one device share the cores."""
    if device == "cpu":
        return max(1, usable_cores() - 1)
    return max(1, usable_cores() // (sharing or 1))


def name_of(kind: str, index: int, share: int) -> str:
    """Return a worker's name as the stack gives it: gpu0, gpu0b if it shares its device; cpu0."""
    if kind == "cpu":
        return f"cpu{share - 1}"
    return f"{kind}{index}" + (ascii_lowercase[share - 1] if share > 1 else "")


def main() -> None:
    """Check everything that needs no device, then replace this process by the worker."""
    parser = Parser(prog="python -m worker", description=__doc__)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N; cuda:N.2 shares it")
    parser.add_argument("--name", help="cpu0 or gpuN where absent; the host is appended")
    parser.add_argument("--readers", type=int, help="reading processes")
    parser.add_argument("--core", type=int, help="the only core it uses, with its readers")
    parser.add_argument("--queues", choices=("measure", "training"), default="measure")
    asked = parser.parse_args()
    try:
        verify_weights(shipped_card())
        wanted, share = split_share(asked.device)
        device = "cpu" if wanted == "cpu" else choose_devices(wanted, find_devices())[0]
        settings = read_settings()
        refuse_newer(settings.database)
        threads = settings.training_threads if asked.queues == "training" else 1
        kept = ExitStack()  # stays open when this process is replaced
        kept.enter_context(private_files(settings, new=True))
        environment = pinned_environment(process_environment(), device, threads)
    except (NetworkError, SchedulerError, SchemaNewer) as exc:
        sys.stderr.write(printable(f"{exc.code}: {exc}") + "\n")
        sys.exit(MISCONFIGURED)
    if asked.core is not None:
        os.sched_setaffinity(0, {asked.core})
    readers = asked.readers or settings.readers or _readers(device, settings.device_workers)
    index = device.partition(":")[2]
    command = [sys.executable, "-m", "worker.serve"]
    # After pinning the only visible device is number 0.
    command += ["--device", "cpu" if device == "cpu" else "cuda:0", "--place", device]
    kind = "training" if asked.queues == "training" else "cpu" if device == "cpu" else "gpu"
    command += ["--name", asked.name or name_of(kind, int(index or 0), share)]
    command += ["--queues", asked.queues]
    command += ["--readers", str(readers)]
    os.execve(command[0], command, environment)  # noqa: S606 - replacing it is the purpose


if __name__ == "__main__":
    main()
