"""`thoraq doctor`."""

from __future__ import annotations

import os
import re
import textwrap
from dataclasses import replace

import click

from cli.checks import Check, examine
from cli.exits import Exit
from cli.options import settings_option
from cli.output.printing import print_json, say
from scheduler.settings import Settings
from scheduler.terminal import printable

#: What was found is wrapped here.
FOUND_COLUMNS = 80
#: How an error sends to this command, and what to do afterwards.
NAMES_DOCTOR = re.compile(
    r"[;,] (see `thoraq doctor`(, then run the same command again)?"
    r"|and `thoraq doctor` checks it)"
)


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
    for check in map(without_self, examine(settings, here=here)):
        checks.append(check)
        if not as_json:
            print_check(check)
    if as_json:
        print_json([check.row for check in checks])
    ctx.exit(Exit.OK if all(check.ok is not False for check in checks) else Exit.UNSOUND)


def without_self(check: Check) -> Check:
    """Return a check whose text does not name `thoraq doctor` as what to run."""
    return replace(check, found=NAMES_DOCTOR.sub("", check.found))


def print_check(check: Check) -> None:
    """Print a line a check, and under a failed one its repair."""
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
