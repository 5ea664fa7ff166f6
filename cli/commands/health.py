"""`thoraq health`."""

from __future__ import annotations

import click

from cli.exits import Exit
from cli.options import settings_option
from cli.output.printing import print_json, say
from scheduler.checkup.health import Health, is_sound, read_health
from scheduler.pulse import PulseKind
from scheduler.settings import Settings


@click.command()
@click.argument(
    "kinds", metavar="[PROCESS]...", nargs=-1, type=click.Choice(PulseKind, case_sensitive=False)
)
@click.option("--json", "as_json", is_flag=True, help="a JSON array, a process an object")
@click.pass_context
@settings_option
def health(
    ctx: click.Context, *, kinds: tuple[PulseKind, ...], as_json: bool, settings: Settings
) -> None:
    """Check that this host's processes go on; leave with code 4 (UNSOUND) if one does not.

    PROCESS is scheduler, worker, train, watch or listen, of which one has to be there; all that run
    where none is named. A scheduler is healthy that completes its rounds, a worker that takes what
    is waiting and whose child process runs, a watch that goes on scanning, a listener that accepts
    connections. Asks neither broker nor database.

    \b
    Example: a container's health check
      thoraq health scheduler
    """
    found = read_health(settings, kinds)
    if as_json:
        print_json(
            [{"process": str(each.kind), "name": each.name, "fault": each.fault} for each in found]
        )
    else:
        for each in found:
            print_health(each)
        if not found:
            say("FAIL  nothing of thoraq runs on this host; start it", fg="red")
    ctx.exit(Exit.OK if is_sound(found) else Exit.UNSOUND)


def print_health(health: Health) -> None:
    """Print a process on a line."""
    if health.fault is None:
        say(f"OK    {health.kind} {health.name}")
    elif health.name is None:
        say(f"FAIL  {health.kind}: {health.fault} on this host; start it", fg="red")
    else:
        said = f"FAIL  {health.kind} {health.name}: {health.fault}; see its log, or start it again"
        say(said, fg="red")
