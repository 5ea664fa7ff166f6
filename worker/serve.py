"""The worker's process after pinning: one Celery worker with one child."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from celery import signals

from scheduler.app import create_app
from scheduler.broker import broker_url
from scheduler.errors import MISCONFIGURED, SchedulerError
from scheduler.logs import configure_logs
from scheduler.messages import MEASURE_QUEUES, TRAINING_QUEUE
from scheduler.process_end import become_worker
from scheduler.settings import read_settings
from scheduler.terminal import Parser, printable
from worker.announcer import Announcer
from worker.session import Session
from worker.stop_signal import StopSignal
from worker.tasks import add_tasks, add_training
from worker.training import Trainer

#: Niceness of training, which gets the CPU time that measuring leaves, also with an accelerator.
_NICENESS = 10


def main() -> None:
    """Run until stopped. Only the child loads torch, after the fork."""
    parser = Parser(prog="python -m worker.serve")
    parser.add_argument("--device", required=True, help="as the pinned process sees it")
    parser.add_argument("--place", help="the device as the machine numbers it")
    parser.add_argument("--name", required=True)
    parser.add_argument("--readers", type=int, required=True)
    parser.add_argument("--queues", required=True, help="measure or training")
    asked = parser.parse_args()
    configure_logs()
    try:
        settings = read_settings()
        url = broker_url(settings)
    except SchedulerError as exc:
        sys.stderr.write(printable(f"{exc.code}: {exc}") + "\n")
        sys.exit(MISCONFIGURED)
    stopping = StopSignal()
    app = create_app(url, remote_control=settings.remote_control, state=settings.state)
    name = f"{asked.name}@{socket.gethostname()}"
    training = asked.queues == "training"
    if training:
        # A run takes hours: a waiting one is left to the next free worker.
        app.conf.worker_disable_prefetch = True
        os.nice(_NICENESS)
        place = asked.place or asked.device
        trainer = Trainer(settings, device=asked.device, place=place, name=name, stopping=stopping)
        add_training(app, trainer)
    else:
        session = Session(
            settings,
            device=asked.device,
            name=name,
            readers=asked.readers,
            stopping=stopping,
            announcer=Announcer(app, name),
        )
        add_tasks(app, session)

        def end(**_: Any) -> None:
            session.close()

        # The last chunk is still being processed when its task has ended.
        signals.worker_process_shutdown.connect(end, weak=False)

    def keep_logs(**_: Any) -> None:
        """Do nothing: with a receiver for this signal Celery does not configure logging."""

    def listen(**_: Any) -> None:
        stopping.listen()

    signals.setup_logging.connect(keep_logs)
    signals.worker_ready.connect(listen)
    become_worker(
        app,
        [
            *(
                "--quiet",
                "worker",
                "--queues",
                TRAINING_QUEUE if training else ",".join(MEASURE_QUEUES),
                "--hostname",
                f"{asked.name}@%h",
            ),
            *("--pool", "prefork", "--concurrency", "1"),
            *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        ],
    )


if __name__ == "__main__":
    main()
