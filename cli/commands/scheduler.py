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
    """Send queued work to the workers until Ctrl-C or SIGTERM.

    Every installation needs one: it sends submitted files to the workers, and requeues the files
    of dead workers. `thoraq up` runs one itself; a second one does no harm.

    \b
    Example: on one of several machines that share a broker and a database
      export THORAQ_BROKER_URL=redis://queue/0
      export THORAQ_DATABASE_URL=postgresql://queue/thoraq
      thoraq scheduler
    """
    refuse_newer(settings.database)
    command = scheduler_command()
    os.execve(command[0], command, child_environment(settings))  # noqa: S606 - replaces this process
