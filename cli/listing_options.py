"""Options of commands that list rows: columns, order, or only the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar

import click

from cli.output.printing import Form, Row, print_json, print_rows, say
from db.query.order import Order, parse_order
from results.listing import Listing

Command = TypeVar("Command", bound=Callable[..., object])

#: Options that print the columns for which the terminal has no room.
MORE = "--columns, or --csv"


class ColumnNames(click.ParamType[tuple[str, ...]]):
    """Names of columns, separated by commas."""

    name = "columns"

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the names in the order they were written."""
        if isinstance(value, tuple):
            return value
        found = tuple(dict.fromkeys(each.strip() for each in value.split(",")))
        for name in found:
            if name not in self._names:
                close = get_close_matches(name, self._names, 1)
                every = f"the columns are: {', '.join(self._names)}"
                meant = f"did you mean {close[0]}?" if close else every
                self.fail(f"no column {name!r}; {meant}", param, ctx)
        return found


class SortBy(click.ParamType[Order]):
    """A column, and the direction after a colon."""

    name = "column[:desc]"

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Order:
        """Return the order."""
        if isinstance(value, Order):
            return value
        try:
            return parse_order(value, self._names)
        except ValueError as exc:
            self.fail(str(exc), param, ctx)


def sort_option(sortable: Collection[str]) -> Callable[[Command], Command]:
    """Add ``--sort`` to a command, and pass it ``sorted_by``."""
    return click.option(
        "--sort",
        "sorted_by",
        type=SortBy(sortable),
        metavar="COLUMN[:desc]",
        help="sort by this column; absent values last",
    )


def listing_options(
    columns: Sequence[str], sortable: Collection[str]
) -> Callable[[Command], Callable[..., object]]:
    """Add ``--columns`` and ``--sort`` to a command, and pass it ``listing``."""

    def with_options(command: Command) -> Callable[..., object]:
        @click.option(
            "--columns",
            "only_columns",
            type=ColumnNames(columns),
            default=(),
            metavar="A,B,C",
            help="list only these columns, in this order",
        )
        @sort_option(sortable)
        @wraps(command)
        def with_listing(
            *args: Any, only_columns: tuple[str, ...], sorted_by: Order | None, **kwargs: Any
        ) -> object:
            return command(*args, listing=Listing(only_columns, sorted_by), **kwargs)

        return with_listing

    return with_options


def print_listing(
    rows: Iterable[Row], form: Form, listing: Listing, usual: Sequence[str] = ()
) -> None:
    """Print rows in the requested order and with the requested columns.

    ``usual``: default columns of a table; empty: all.
    """
    ordered = listing.in_order(rows)
    if form is Form.TABLE:
        print_rows(ordered, form, listing.shown(usual), more=MORE)
    else:
        print_rows(listing.rows(ordered), form)


count_option = click.option(
    "--count", "only_count", is_flag=True, help="print only the number of rows"
)


def print_count(count: int, form: Form) -> None:
    """Print a number of rows."""
    if form is Form.JSON:
        print_json({"count": count})
    elif form is Form.CSV:
        print_rows([{"count": count}], form)
    else:
        say(str(count))
