"""`thoraq health`."""

from __future__ import annotations

import click

from cli.exits import Exit
from cli.options import settings_option
from cli.output.printing import print_json, say
from scheduler.pulse import Beat, Kind, read_beats
from scheduler.settings import Settings


@click.command()
@click.argument(
    "kinds", metavar="[PROCESS]...", nargs=-1, type=click.Choice(Kind, case_sensitive=False)
)
@click.option("--json", "as_json", is_flag=True, help="a JSON array, a process an object")
@click.pass_context
@settings_option
def health(
    ctx: click.Context, *, kinds: tuple[Kind, ...], as_json: bool, settings: Settings
) -> None:
    """Check that this host's processes go on; leave with code 4 (UNSOUND) if one does not.

    PROCESS is scheduler, worker, train, watch or listen, of which one has to be there; all that run
    where none is named. A scheduler is healthy that completes its rounds, a worker that takes what
    waits, a watch that goes on scanning, a listener that accepts connections. Asks neither broker
    nor database.

    \b
    Example: a container's health check
      thoraq health scheduler
    """
    beats = [each for each in read_beats(settings) if not kinds or each.kind in kinds]
    missing = [each for each in kinds if each not in {beat.kind for beat in beats}]
    if as_json:
        print_json(
            [{"process": str(beat.kind), "name": beat.name, "fault": beat.fault} for beat in beats]
            + [{"process": str(each), "name": None, "fault": "does not run"} for each in missing]
        )
    else:
        for beat in beats:
            print_beat(beat)
        for each in missing:
            say(f"FAIL  {each}: does not run on this host; start it", fg="red")
        if not beats and not missing:
            say("FAIL  nothing of thoraq runs on this host; start it", fg="red")
    sound = beats and not missing and all(beat.fault is None for beat in beats)
    ctx.exit(Exit.OK if sound else Exit.UNSOUND)


def print_beat(beat: Beat) -> None:
    """Print a line a process."""
    if beat.fault is None:
        say(f"OK    {beat.kind} {beat.name}")
    else:
        say(
            f"FAIL  {beat.kind} {beat.name}: {beat.fault}; see its log, or start it again", fg="red"
        )
