"""`thoraq doctor`."""

from __future__ import annotations

import os
import textwrap
from dataclasses import asdict

import click

from cli.exits import Exit
from cli.options import settings_option
from cli.output.printing import print_json, say
from scheduler.checkup.check import Check
from scheduler.checkup.examination import examine
from scheduler.settings import Settings
from scheduler.terminal import printable

#: What was found is wrapped here.
FOUND_COLUMNS = 80


@click.command()
@click.option("--here", is_flag=True, help="this machine alone, not who else answers")
@click.option("--json", "as_json", is_flag=True, help="a JSON array, a check an object")
@click.pass_context
@settings_option
def doctor(ctx: click.Context, *, here: bool, as_json: bool, settings: Settings) -> None:
    """Check what thoraq needs, and say how to repair it.

    A line a check, with the command that repairs what fails. Leaves with code 4 (UNSOUND) if one
    does. ? is before what cannot be told from here. Nothing is changed.

    \b
    Example:
      thoraq doctor
      thoraq doctor --json
    """
    if os.geteuid() == 0:
        say("running as root; give thoraq a user of its own, as deploy/systemd does", err=True)
    checks: list[Check] = []
    for check in examine(settings, here=here):
        checks.append(check)
        if not as_json:
            print_check(check)
    if as_json:
        print_json([asdict(check) for check in checks])
    ctx.exit(Exit.OK if all(check.ok is not False for check in checks) else Exit.UNSOUND)


def print_check(check: Check) -> None:
    """Print a check on a line, and its repair below it."""
    first, *more = textwrap.wrap(printable(check.found), FOUND_COLUMNS) or [""]
    if check.ok is None:
        say("?   ", fg="yellow", nl=False)
    elif check.ok:
        say("OK  ", fg="green", nl=False)
    else:
        say("FAIL", fg="red", bold=True, nl=False)
    say(f"  {check.name:<10}  {first}")
    for line in more:
        say(f"{'':<18}{line}")
    if check.repair:
        say(f"{'':<18}repair: {check.repair}")
