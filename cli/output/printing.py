"""Printing lines, and rows as a table, JSON or CSV, without control characters."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from itertools import chain
from typing import Any, TypeVar

import click

import results.rows
from cli.output.cells import shortened, terminal_cells
from cli.output.fitted_table import TableColumn, fitted, table_lines
from radiograph.csv_lines import CsvLines
from results.decimals import decimals
from scheduler.terminal import printable, printable_json, printable_row

Value = results.rows.Value
Row = results.rows.Row
Command = TypeVar("Command", bound=Callable[..., object])


def say(text: str = "", *, err: bool = False, nl: bool = True, **style: Any) -> None:
    """Print one line, to standard error with ``err``; control characters are escaped."""
    click.secho(printable(text), err=err, nl=nl, **style)


class Form(StrEnum):
    """How rows are printed. JSON and CSV contain every column, a table the important ones."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def form_options(command: Command) -> Command:
    """Add ``--table`` (the default), ``--json`` and ``--csv`` to a command, as ``form``."""
    for form, text in (
        (Form.CSV, "comma-separated values, every column"),
        (Form.JSON, "a JSON array, every column"),
        (Form.TABLE, "aligned columns (the default)"),
    ):
        command = click.option(
            f"--{form}", "form", flag_value=form, type=Form, default=Form.TABLE, help=text
        )(command)
    return command


def print_rows(
    rows: Iterable[Row], form: Form, columns: Sequence[str] = (), *, more: str = "--csv"
) -> None:
    """Print rows. ``columns``: those of the table; empty: all. JSON and CSV are streamed.

    ``more``: options that print the columns for which the terminal has no room.
    """
    if form is Form.JSON:
        print_json_array(rows)
    elif form is Form.CSV:
        print_csv(rows)
    else:
        print_table(list(rows), columns, more=more)


def print_json(value: object) -> None:
    """Print one JSON value, indented."""
    click.echo(printable_json(json.dumps(value, indent=2)))


def print_json_array(rows: Iterable[Row]) -> None:
    """Print an array with one row per line, without keeping the rows in memory."""
    before = "["
    for row in rows:
        click.echo(before)
        click.echo("  " + printable_json(json.dumps(row)), nl=False)
        before = ","
    click.echo("[]" if before == "[" else "\n]")


def print_csv(rows: Iterable[Row]) -> None:
    """Print CSV with a heading, without keeping the rows in memory.

    It may be printed to a terminal, so control characters are escaped as in a table; JSON and
    exported files contain names unchanged.
    """
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    line = io.StringIO()
    lines = CsvLines(line, list(printable_row(first)))
    lines.heading()
    for row in chain([first], rows):
        lines.row(printable_row(row))
        click.echo(line.getvalue(), nl=False)
        line.seek(0)
        line.truncate()


def print_table(
    rows: Sequence[Row], columns: Sequence[str] = (), *, more: str = "a wider terminal"
) -> None:
    """Print aligned columns under bold headings; numbers are aligned to the right.

    On a terminal, lines are at most as wide as it is; ``more`` names the options that print the
    omitted columns. Elsewhere every column is printed at its full width.
    """
    if not rows:
        return
    names = columns or list(rows[0])
    table = [table_column(name, [row[name] for row in rows]) for name in names]
    width = terminal_cells()
    heading, *lines = table_lines(table, width)
    say(heading, bold=True)
    for line in lines:
        say(line)
    if width is not None and (absent := len(table) - len(fitted(table, width)[0])):
        note = f"{absent} more columns: {more}" if absent > 1 else f"1 more column: {more}"
        say(shortened(note, width), err=True)


def table_column(name: str, values: Sequence[Value]) -> TableColumn:
    """Return a column with these values."""
    texts = [each for each in values if isinstance(each, str)]
    digits = decimals(name)
    return TableColumn(
        name,
        printable(name.replace("_", " ")),
        [as_text(value, digits=digits) for value in values],
        at_right=not texts and any(map(is_number, values)),
        whole=not texts or name == "at" or name.endswith(("_at", "_date")),
    )


def is_number(value: Value) -> bool:
    """Whether a value is a number, not a flag."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: Value, *, absent: str = "-", digits: int | None = None) -> str:
    """Return one value as readable text. ``digits``: decimals of a number."""
    if value is None:
        return absent
    if isinstance(value, bool):
        return "yes" if value else "no"
    if digits is not None and isinstance(value, int | float):
        return f"{value:.{digits}f}"
    return printable(str(value))
