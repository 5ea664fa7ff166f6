"""`thoraq logs`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime

import click

from cli.options import KnownBatch, Moment, settings_option
from cli.output.printing import say
from db import schema
from db.database import Database
from db.errors import BatchUnknown, DatabaseError
from db.query.status import batch_status
from scheduler.log_files import log_folder
from scheduler.log_reading import (
    LEVELS,
    UNKNOWN,
    LogLine,
    chosen_lines,
    follow_logs,
    log_names,
    read_logs,
)
from scheduler.settings import Settings
from scheduler.terminal import printable, printable_json

#: Keys that are not printed as key=value.
_APART = ("timestamp", "level", "event")


@click.command()
@click.argument("batch", type=KnownBatch(perhaps=True), required=False)
@click.option("--follow", is_flag=True, help="print new lines as they are written, until Ctrl-C")
@click.option(
    "--level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="debug",
    help="lowest level to print",
)
@click.option("--since", type=Moment(), help="written at or after this ISO date or time")
@click.option(
    "--process", "processes", multiple=True, metavar="NAME", help="only this process, such as cpu0"
)
@click.option("--json", "as_json", is_flag=True, help="a JSON object per line")
@settings_option
def logs(
    batch: str | None,
    *,
    follow: bool,
    level: str,
    since: datetime | None,
    processes: tuple[str, ...],
    as_json: bool,
    settings: Settings,
) -> None:
    """Show the logs of this machine's processes, oldest line first.

    Shows one BATCH or all batches; rotated files are included. Times are UTC. These are the logs
    that `up` and `process` write to the state folder. For systemd units use
    `journalctl -u 'thoraq-*'`, for containers `docker compose logs`. Other machines have their
    own logs.

    \b
    Example: warnings and errors of a batch since midnight
      thoraq logs archive-3f2a91bc --level warning --since 2026-03-01
    """
    folder = log_folder(settings)
    check_processes(processes, log_names(folder), follow=follow)
    names = [each for each in log_names(folder) if not processes or each in processes]
    if follow and batch is not None:
        check_batch(batch, read_logs(folder, names), settings)
    shown = 0
    found = follow_logs(folder, list(processes) or None) if follow else read_logs(folder, names)
    for line in chosen_lines(found, batch, level, since):
        shown += 1
        if as_json:
            say(printable_json(json.dumps({"process": line.process, **keys(line)})))
        else:
            say(text(line))
        if follow:
            sys.stdout.flush()
    if not shown:
        if batch is not None:
            check_batch(batch, read_logs(folder, names), settings)
        say("No matching log lines.", err=True)
    say(f"logs of this machine only, from {folder}; see `thoraq logs --help`", err=True)


def check_processes(processes: tuple[str, ...], known: list[str], *, follow: bool) -> None:
    """Refuse a process without a log; with --follow it may start later.

    Raises UsageError.
    """
    strange = sorted(set(processes) - set(known))
    if not strange or not known:
        return
    message = f"no logs of {', '.join(strange)} here; there are logs of {', '.join(known)}"
    if not follow:
        raise click.UsageError(message)
    say(message, err=True)


def check_batch(batch: str, lines: Iterator[LogLine], settings: Settings) -> None:
    """Refuse a batch that is in neither the logs nor the database.

    Logs outlive a forgotten batch, and can be read without a database. Raises BatchUnknown.
    """
    if any(line.fields.get("batch") == batch for line in lines):
        return
    try:
        if not schema.check(settings.database).up_to_date:
            return
        database = Database.open(settings.database)
        try:
            batch_status(database, batch)
        finally:
            database.dispose()
    except BatchUnknown:
        raise
    except DatabaseError:
        return


def keys(line: LogLine) -> dict[str, object]:
    """Return a line's keys; a line that was not JSON has the keys of every line."""
    at = None if line.at == UNKNOWN else line.at.isoformat()
    return {"timestamp": at, "level": line.level, **line.fields}


def text(line: LogLine) -> str:
    """Return a readable line: time, process, level, event, then key=value."""
    values = " ".join(
        f"{name}={value if isinstance(value, str) and ' ' not in value else json.dumps(value)}"
        for name, value in line.fields.items()
        if name not in _APART and value is not None
    )
    # With its offset, so that --since accepts it.
    at = line.at.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
    at = "-" if line.at == UNKNOWN else at
    event = printable(f"{line.fields.get('event', '')}")
    return f"{at}  {line.process:<9} {line.level:<8} {event}  {values}".rstrip()
