"""Upkeep: every few seconds what is due is sent and what stalled is brought back.

A timetable (Celery beat) puts a round into the upkeep's own queue, and a small process takes it,
so that a worker busy for minutes delays nothing. Several machines may each run one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from socket import gethostname
from typing import Any

import structlog
from celery import Celery, signals
from celery.exceptions import WorkerShutdown

from db.database import Database
from db.errors import DatabaseError, SchemaDiffers
from db.path_hiding import hide_next
from db.recovery import recover_stalled
from db.tally import fold
from db.training.recovery import recover_runs
from scheduler.archive import open_database
from scheduler.database_wait import AbsenceNote
from scheduler.errors import BrokerUnavailable, KeyUnusable
from scheduler.messages import UPKEEP, UPKEEP_QUEUE
from scheduler.process_end import become_worker
from scheduler.pulse import Pulse, PulseKind
from scheduler.relay import relay, resend_lost_runs
from scheduler.settings import Settings
from scheduler.tether import die_with

_log = structlog.stdlib.get_logger(__name__)

_BEAT_CHECK_SECONDS = 5.0
#: Files looked at each round: a million in less than half an hour of rounds.
_HIDING = 5_000
#: A scheduler that completed no round for both is ill.
_ILL_SECONDS, _ILL_ROUNDS = 60.0, 6


class PathHiding:
    """Looks at all files in turn, some each round, for paths that are not to be kept any more."""

    def __init__(self, database: Database, files: int = _HIDING) -> None:
        self._database = database
        self._files = files
        self._after = 0

    def go_on(self) -> None:
        """Look at the next. Raises DatabaseError, KeyUnusable."""
        self._after = hide_next(self._database, self._after, self._files)


def keep_up(
    database: Database,
    app: Celery,
    resend_seconds: float,
    hiding: PathHiding | None = None,
    absence: AbsenceNote | None = None,
) -> bool:
    """One round; whether it was completed.

    What is away now, or has another schema, is met again by the next one; ``absence`` notes it.
    """
    absence = absence or rounds_absence()
    try:
        recovered = recover_stalled(database, resend_seconds)
        runs = recover_runs(database) + resend_lost_runs(database, app, resend_seconds)
        sent = relay(database, app)
        fold(database)
        if hiding is not None:
            hiding.go_on()
    except (DatabaseError, BrokerUnavailable, KeyUnusable) as exc:
        if isinstance(exc, DatabaseError) and not (exc.awaited or isinstance(exc, SchemaDiffers)):
            raise
        absence.note(exc)
        return False
    absence.end()
    if sent or runs or recovered.expired or recovered.resent or recovered.quarantined:
        _log.info(
            "upkeep",
            sent=sent,
            expired=recovered.expired,
            resent=recovered.resent,
            due=recovered.due,
            quarantined=recovered.quarantined,
            training=runs,
        )
    return True


def rounds_absence() -> AbsenceNote:
    """Return what notes over many rounds that they are not completed."""
    return AbsenceNote("upkeep waits", "upkeep goes on")


def add_upkeep(app: Celery, settings: Settings) -> None:
    """Give ``app`` the timetable and the task that follows it."""
    database = open_database(settings)
    hiding = PathHiding(database)
    absence = rounds_absence()
    ill_seconds = max(_ILL_SECONDS, _ILL_ROUNDS * settings.upkeep_seconds)
    pulse = Pulse(settings.state, PulseKind.SCHEDULER, f"upkeep@{gethostname()}", ill_seconds)

    @app.task(name=UPKEEP)
    def upkeep() -> None:
        if keep_up(database, app, settings.resend_seconds, hiding, absence):
            pulse.beat()

    def leave(**_: Any) -> None:
        pulse.end()

    signals.worker_shutdown.connect(leave, weak=False)

    # Two rounds every few seconds would push the chunks off Flower's page.
    app.conf.worker_send_task_events = False
    app.conf.beat_schedule = {
        UPKEEP: {
            "task": UPKEEP,
            "schedule": settings.upkeep_seconds,
            # Rounds that nobody took are not caught up with.
            "options": {"queue": UPKEEP_QUEUE, "expires": 2 * settings.upkeep_seconds},
        }
    }


def serve(app: Celery) -> None:
    """Become the upkeep's process: a worker of its queue with the timetable beside it."""
    owner = os.getpid()
    kept: list[Callable[..., None]] = []  # signals hold their receivers weakly

    def first_round(sender: Any, **_: Any) -> None:
        beat = sender.controller.beat

        def check_beat() -> None:
            # A timetable that died is silent; whoever supervises us starts both again.
            if not beat.is_alive():
                _log.error("the timetable stopped")
                raise WorkerShutdown(1)

        sender.timer.call_repeatedly(_BEAT_CHECK_SECONDS, check_beat)
        # Last, since it fails where the broker is away again; the timetable sends the next.
        app.send_task(UPKEEP, queue=UPKEEP_QUEUE)

    def tether_beat(**_: Any) -> None:
        die_with(owner)

    kept += [first_round, tether_beat]
    signals.worker_ready.connect(first_round)
    signals.beat_embedded_init.connect(tether_beat)
    become_worker(
        app,
        [
            *("--quiet", "worker", "--queues", UPKEEP_QUEUE, "--hostname", "upkeep@%h"),
            # Rounds are short, so the process that takes them needs no child.
            *("--pool", "solo", "--concurrency", "1"),
            *("--beat", "--scheduler", "celery.beat:Scheduler"),
            *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        ],
    )
