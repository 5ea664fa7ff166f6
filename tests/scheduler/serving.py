"""A Celery worker with thoraq's app that records its tasks and measures nothing.

``python -m tests.scheduler.serving URL [--obedient] [--cancels-once] [--cancels-on]`` consumes
every queue.
"""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery, signals
from celery.worker.request import Request
from redis import Redis

from scheduler.app import create_app
from scheduler.logs import configure_logs
from scheduler.messages import MEASURE, ROUTINE_QUEUE, TASK_QUEUES, TRAIN, UPKEEP
from scheduler.process_end import become_worker
from testbed.patience import eventually
from testbed.processes import ending_with_us

#: Redis key under which the arguments of each task are recorded.
SERVED = "test.served"
#: A chunk on which Celery fails before the task begins, and one that kills the process.
RAISES, KILLS = 666, 667


class Serving:
    """A running worker."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, client: Redis) -> None:
        self.process = process
        self.client = client
        self._log = log

    def log(self) -> str:
        """Return its log."""
        return self._log.read_text()

    def runs(self) -> bool:
        """Return whether it is running."""
        return self.process.poll() is None

    def served(self) -> list[str]:
        """Return the tasks that ran, in order."""
        return [each.decode() for each in self.client.lrange(SERVED, 0, -1)]


@contextmanager
def serving(url: str, log: Path, *options: str) -> Iterator[Serving]:
    """Run a worker during a block."""
    with log.open("ab") as written, Redis.from_url(url) as client:
        before = log.stat().st_size
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.scheduler.serving", url, *options],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            preexec_fn=ending_with_us(signal.SIGKILL),  # noqa: PLW1509 - prctl alone
        )
        try:
            running = Serving(process, log, client)
            assert eventually(lambda: " ready." in running.log()[before:] or not running.runs())
            yield running
        finally:
            process.terminate()
            process.wait(60)


class _Request(Request):
    def __init__(self, message: Any, **options: Any) -> None:
        super().__init__(message, **options)
        chunk_id = self.kwargs.get("chunk_id")
        if chunk_id == RAISES:
            raise TypeError("as Celery does at what it does not expect")
        if chunk_id == KILLS:
            os.kill(os.getpid(), signal.SIGKILL)


def _add_tasks(app: Celery, url: str) -> None:
    client = Redis.from_url(url)

    def note(what: str) -> None:
        client.rpush(SERVED, what)

    @app.task(name=MEASURE, Request=_Request)
    def measure(chunk_id: int) -> None:
        note(f"chunk {chunk_id}")

    @app.task(name=TRAIN, acks_late=False)
    def train(run_id: int) -> None:
        note(f"run {run_id}")

    @app.task(name=UPKEEP)
    def upkeep() -> None:
        note("upkeep")


def main() -> None:
    """Run the worker."""
    url, *options = sys.argv[1:]
    configure_logs()
    signals.setup_logging.connect(_keep_logs)
    app = create_app(url, remote_control="--obedient" in options)
    # The message of a killed worker is delivered again within the test.
    app.conf.broker_transport_options |= {"visibility_timeout": 2, "unacked_restore_interval": 1}
    _add_tasks(app, url)
    signals.worker_ready.connect(functools.partial(_cancel, options), weak=False)
    command = ["--quiet", "worker", "--queues", ",".join(TASK_QUEUES), "--hostname", "cpu0@%h"]
    command += ["--pool", "prefork", "--concurrency", "1"]
    become_worker(app, [*command, "--without-gossip", "--without-mingle", "--loglevel", "INFO"])


def _cancel(options: list[str], sender: Any, **_: Any) -> None:
    """Cancel the consumer of a queue behind Celery's back, once or repeatedly."""

    def cancel() -> None:
        channel = sender.task_consumer.channel
        for tag, queue in list(channel._tag_to_queue.items()):
            if queue == ROUTINE_QUEUE:
                channel.basic_cancel(tag)

    if "--cancels-once" in options:
        cancel()
    if "--cancels-on" in options:
        sender.timer.call_repeatedly(0.2, cancel)


def _keep_logs(**_: object) -> None:
    """Do nothing: Celery must not configure logging."""


if __name__ == "__main__":
    main()
