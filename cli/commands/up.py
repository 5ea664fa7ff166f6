"""`thoraq up`."""

from __future__ import annotations

import click

from cli.options import settings_option
from cli.output.printing import say
from scheduler.connections import read_connections
from scheduler.local_processes import open_stack
from scheduler.preparation import prepare
from scheduler.settings import Settings


@click.command()
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto (every accelerator, else the CPU), cpu, or cuda:N",
)
@click.option("--training", is_flag=True, help="also run a training worker, on the first device")
@settings_option
def up(device: str, training: bool, settings: Settings) -> None:
    """Run the broker, workers and scheduler until Ctrl-C or SIGTERM.

    Upgrades the database first, then starts an embedded broker unless THORAQ_BROKER_URL is set,
    the scheduler, a worker on every device, and the DICOM listener if the file that
    THORAQ_CONNECTIONS names has a [listen] section. Processes that die are restarted.

    \b
    Example: serve this machine's devices, and queue a folder from another shell
      thoraq up --state /data/thoraq
      thoraq submit /archive/2024 --state /data/thoraq
    """
    listen = read_connections(settings).listen
    prepare(settings)
    stack = open_stack(settings, device, training=training, listening=listen is not None)
    say(f"state folder {settings.state}, logs in {settings.state / 'logs'}", err=True)
    say("Ctrl-C stops everything; waiting files stay queued", err=True)
    stack.run()
