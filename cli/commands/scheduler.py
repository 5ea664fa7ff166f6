"""`thoraq scheduler`."""

from __future__ import annotations

import os

import click

from cli.options import settings_option
from db.schema import refuse_newer
from scheduler.settings import Settings, child_environment
from scheduler.stack import scheduler_command


@click.command()
@settings_option
def scheduler(settings: Settings) -> None:
    """Send what waits to the workers, until Ctrl-C or SIGTERM.

    Every installation needs one: it sends what was submitted, and brings back what a dead worker
    held. `thoraq up` runs one itself; a second does no harm. The command becomes its process.

    \b
    Example: on one of several machines that share a broker and a database
      export THORAQ_BROKER_URL=redis://queue/0
      export THORAQ_DATABASE_URL=postgresql://queue/thoraq
      thoraq scheduler
    """
    refuse_newer(settings.database)
    command = scheduler_command()
    os.execve(command[0], command, child_environment(settings))  # noqa: S606 - becomes it
