"""`thoraq db`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from cli.exits import Exit
from cli.options import Count, Paths, settings_option
from cli.output.noted import audited_copy
from cli.output.printing import print_json, say
from db import schema
from db.backup import copies, rotation
from db.backup.records import CopyCount
from scheduler.checkup.remedy import UPGRADE, in_state
from scheduler.console import PlainConsole
from scheduler.rights import claim_state_folder
from scheduler.settings import Settings


@click.group("db")
def database() -> None:
    """Create, upgrade, check, copy and restore the database.

    \b
    Example:
      thoraq db upgrade
      thoraq db backup /backup/thoraq-2026-03-01
    """


@database.command()
@settings_option
def upgrade(settings: Settings) -> None:
    """Bring the schema up to date; make the database if there is none.

    Revisions are applied in one transaction; two upgrades at once take turns. `process` and `up`
    do this by themselves.

    \b
    Example: PostgreSQL
      THORAQ_DATABASE_URL=postgresql://queue/thoraq thoraq db upgrade
    """
    before = schema.check(settings.database)
    claim_state_folder(settings)
    after = schema.upgrade(settings.database)
    if before.current == after.current:
        say(f"the schema is up to date: {after.current}")
    else:
        say(f"the schema was {before.current or 'not there'} and is now {after.current}")


@database.command()
@click.option("--json", "as_json", is_flag=True, help="a JSON object")
@click.pass_context
@settings_option
def check(ctx: click.Context, *, as_json: bool, settings: Settings) -> None:
    """Compare the schema with this program's; change nothing.

    Leaves with code 4 (UNSOUND) if `thoraq db upgrade` has something to do.

    \b
    Example:
      thoraq db check && thoraq up
    """
    state = schema.check(settings.database)
    if as_json:
        print_json(asdict(state) | {"up_to_date": state.up_to_date})
    elif state.up_to_date:
        say(f"the schema is up to date: {state.current}")
    else:
        say(f"the schema is {state.current or 'not there'}, this program's is {state.head}")
        say(f"run `{in_state(UPGRADE, settings)}`", err=True)
    ctx.exit(Exit.OK if state.up_to_date else Exit.UNSOUND)


@database.command()
@click.argument("target", metavar="FILE", type=Paths())
@click.option("--overwrite", "--replace", "replace", is_flag=True, help="replace FILE if it exists")
@click.option(
    "--keep",
    type=Count(min=1),
    help="FILE is a folder: write a dated copy into it, read it through, then remove all but so"
    " many of those made this way of this database",
)
@settings_option
def backup(target: Path, *, replace: bool, keep: int | None, settings: Settings) -> None:
    """Copy the whole database into FILE, while workers go on.

    The copy holds what stood at one moment, and only its owner may read it. A copy that is
    interrupted leaves FILE as it was. PostgreSQL needs its client tools.

    \b
    Example: every evening, before the night
      thoraq db backup /backup/thoraq-2026-03-01
      thoraq db backup /backup --keep 14
    """
    if keep is not None and replace:
        raise click.UsageError("--keep makes a new file each time: leave --overwrite out")
    if target.is_dir() is (keep is None):
        kind = "is a directory" if keep is None else "is not a directory"
        raise click.BadParameter(f"{target} {kind}.", param_hint="'FILE'")
    removed: tuple[Path, ...] = ()
    with audited_copy(settings) as reading, PlainConsole(stderr=True).status("copying"):
        if keep is None:
            count = copies.back_up(settings.database, target, replace=replace)
        else:
            rotated = rotation.rotate(settings.database, target, keep)
            target, count, removed = rotated.copy, rotated.count, rotated.removed
        if reading is not None:
            reading.rows = count.files
    remark = count.remark
    if remark.left_out:
        say(f"not thoraq's and not in the copy: {', '.join(remark.left_out)}", err=True)
    if remark.differing:
        say(
            f"not as thoraq made it, so that no restore takes this copy:"
            f" {', '.join(remark.differing)}",
            err=True,
        )
    say(f"{_rows(count)} in {target}")
    for each in removed:
        say(f"removed {each}")


@database.command()
@click.argument("source", metavar="FILE", type=Paths(exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="lose what the database holds")
@settings_option
def restore(source: Path, *, replace: bool, settings: Settings) -> None:
    """Bring the database back from a copy, all of it or nothing.

    The copy is checked first. What waited in it waits again, and what was at work comes back when
    its lease has passed: `thoraq up`, and the night goes on. Results stored since are lost; their
    files are measured again.

    \b
    Example:
      thoraq db restore /backup/thoraq-2026-03-01 --replace
    """
    claim_state_folder(settings)
    with PlainConsole(stderr=True).status("restoring"):
        count = copies.restore(settings.database, source, replace=replace)
    if count.moved_aside is not None:
        say(
            f"the database could not be read any more and is now {count.moved_aside}; whatever had"
            " it open has to be started again",
            err=True,
        )
    say(f"{_rows(count)} are back")


def _rows(count: CopyCount) -> str:
    return (
        f"{count.batches} batches, {count.files} files, {count.jobs} jobs and"
        f" {count.measurements} measurements"
    )
