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
    """Create, upgrade, check, back up and restore the database.

    \b
    Example:
      thoraq db upgrade
      thoraq db backup /backup/thoraq-2026-03-01
    """


@database.command()
@settings_option
def upgrade(settings: Settings) -> None:
    """Upgrade the schema; create the database if it does not exist.

    Revisions are applied in one transaction; concurrent upgrades wait for each other. `process`
    and `up` upgrade the database themselves.

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
        say(f"schema upgraded from {before.current or 'none'} to {after.current}")


@database.command()
@click.option("--json", "as_json", is_flag=True, help="a JSON object")
@click.pass_context
@settings_option
def check(ctx: click.Context, *, as_json: bool, settings: Settings) -> None:
    """Compare the schema with the one this version needs; change nothing.

    Exits with code 4 (UNSOUND) if `thoraq db upgrade` is needed.

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
        say(f"the schema is {state.current or 'missing'}; this version needs {state.head}")
        say(f"run `{in_state(UPGRADE, settings)}`", err=True)
    ctx.exit(Exit.OK if state.up_to_date else Exit.UNSOUND)


@database.command()
@click.argument("target", metavar="FILE", type=Paths())
@click.option("--overwrite", "--replace", "replace", is_flag=True, help="replace FILE if it exists")
@click.option(
    "--keep",
    type=Count(min=1),
    help="FILE is a folder: write a dated copy into it, verify it, then remove all but the newest"
    " N dated copies of this database",
    metavar="N",
)
@settings_option
def backup(target: Path, *, replace: bool, keep: int | None, settings: Settings) -> None:
    """Copy the whole database into FILE while workers continue.

    The copy is a consistent snapshot, readable only by its owner. An interrupted copy leaves FILE
    as it was. PostgreSQL needs its client tools.

    \b
    Example: one copy, or the last 14 daily copies
      thoraq db backup /backup/thoraq-2026-03-01
      thoraq db backup /backup --keep 14
    """
    if keep is not None and replace:
        raise click.UsageError("--keep creates a new file each time: omit --overwrite")
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
        say(f"not part of thoraq, not copied: {', '.join(remark.left_out)}", err=True)
    if remark.differing:
        say(
            "differs from thoraq's schema, so this copy cannot be restored:"
            f" {', '.join(remark.differing)}",
            err=True,
        )
    say(f"{_rows(count)} in {target}")
    for each in removed:
        say(f"removed {each}")


@database.command()
@click.argument("source", metavar="FILE", type=Paths(exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="overwrite the current contents of the database")
@settings_option
def restore(source: Path, *, replace: bool, settings: Settings) -> None:
    """Restore the database from a copy, all of it or nothing.

    The copy is checked first. Files that were waiting wait again, and files that workers held are
    requeued when their lease expires; `thoraq up` continues. Results stored after the copy are
    lost; their files are measured again.

    \b
    Example:
      thoraq db restore /backup/thoraq-2026-03-01 --replace
    """
    claim_state_folder(settings)
    with PlainConsole(stderr=True).status("restoring"):
        count = copies.restore(settings.database, source, replace=replace)
    if count.moved_aside is not None:
        say(
            f"the old database was unreadable and is now {count.moved_aside}; restart every"
            " process that had it open",
            err=True,
        )
    say(f"{_rows(count)} restored")


def _rows(count: CopyCount) -> str:
    return (
        f"{count.batches} batches, {count.files} files, {count.jobs} jobs and"
        f" {count.measurements} measurements"
    )
