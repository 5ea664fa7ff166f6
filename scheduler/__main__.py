"""``python -m scheduler``: the upkeep's process."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from celery import signals

from db.errors import SchemaNewer
from db.schema import refuse_newer
from scheduler.app import create_app
from scheduler.broker import broker_url
from scheduler.errors import MISCONFIGURED, SchedulerError
from scheduler.logs import configure_logs
from scheduler.rights import private_files
from scheduler.settings import read_settings
from scheduler.terminal import printable
from scheduler.upkeep import add_upkeep, serve


def main() -> None:
    """Keep up until stopped."""
    configure_logs()
    # Having a receiver keeps Celery from configuring logs itself.
    signals.setup_logging.connect(_keep_logs)
    with ExitStack() as stack:
        try:
            settings = read_settings()
            refuse_newer(settings.database)
            stack.enter_context(private_files(settings, new=True))
            url = broker_url(settings)
        except (SchedulerError, SchemaNewer) as exc:
            sys.stderr.write(printable(f"{exc.code}: {exc}") + "\n")
            sys.exit(MISCONFIGURED)
        app = create_app(url, remote_control=settings.remote_control)
        add_upkeep(app, settings)
        serve(app)


def _keep_logs(**_: object) -> None:
    """Leave the logs as they are."""


if __name__ == "__main__":
    main()
