"""`thoraq worker`."""

from __future__ import annotations

import os

import click

from cli.options import settings_option
from db.schema import refuse_newer
from scheduler.settings import Settings, child_environment
from scheduler.stack import worker_command


@click.command()
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto (the first accelerator, else the CPU), cpu, or cuda:N; ROCm devices are cuda:N too;"
    " cuda:N.2 is a second worker that shares it",
)
@click.option("--name", help="name in Flower and in the results [default: from device and host]")
@click.option(
    "--queues",
    type=click.Choice(("measure", "training")),
    default="measure",
    show_default=True,
    help="what it does: measure films, or train networks",
)
@settings_option
def worker(device: str, name: str | None, queues: str, settings: Settings) -> None:
    """Run one worker on one device, until SIGTERM or Ctrl-C.

    The command becomes the worker's process. A stopped worker gives back what it has not
    measured; a killed one loses its lease, and others measure its files.

    \b
    Example: a second machine, on the same broker and database
      export THORAQ_BROKER_URL=redis://queue/0
      export THORAQ_DATABASE_URL=postgresql://queue/thoraq
      thoraq worker --device cuda:0
    """
    refuse_newer(settings.database)
    command = worker_command(device, name, queues=queues)
    os.execve(command[0], command, child_environment(settings))  # noqa: S606 - becomes the worker
