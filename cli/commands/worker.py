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
    " cuda:N.2 is a second worker on the same device",
)
@click.option("--name", help="name in Flower and in the results [default: from device and host]")
@click.option(
    "--queues",
    type=click.Choice(("measure", "training")),
    default="measure",
    show_default=True,
    help="work to take: measure radiographs, or train networks",
)
@settings_option
def worker(device: str, name: str | None, queues: str, settings: Settings) -> None:
    """Run one worker on one device, until Ctrl-C or SIGTERM.

    A stopped worker returns its unmeasured files to the queue; the files of a killed worker are
    requeued when its lease expires.

    \b
    Example: a second machine, on the same broker and database
      export THORAQ_BROKER_URL=redis://queue/0
      export THORAQ_DATABASE_URL=postgresql://queue/thoraq
      thoraq worker --device cuda:0
    """
    refuse_newer(settings.database)
    command = worker_command(device, name, queues=queues)
    os.execve(command[0], command, child_environment(settings))  # noqa: S606 - replaces this process
