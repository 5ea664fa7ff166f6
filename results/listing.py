"""A listing: which columns of rows are listed, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from db.query.order import Order
from results.rows import Row


@dataclass(frozen=True, slots=True)
class Listing:
    """How rows are listed. ``columns``: the requested ones; empty: all, or the default ones."""

    columns: tuple[str, ...] = ()
    order: Order | None = None

    def rows(self, rows: Iterable[Row]) -> Iterable[Row]:
        """Yield the rows with the requested columns only."""
        if not self.columns:
            return rows
        return ({name: row[name] for name in self.columns} for row in rows)

    def in_order(self, rows: Iterable[Row]) -> Iterable[Row]:
        """Return rows in the requested order, all in memory; absent values last, ties as given."""
        if self.order is None:
            return rows
        held: list[Any] = list(rows)
        name = self.order.column
        present = [row for row in held if row[name] is not None]
        present.sort(key=lambda row: row[name], reverse=self.order.descending)
        return [*present, *(row for row in held if row[name] is None)]

    def shown(self, usual: Sequence[str]) -> Sequence[str]:
        """Return the columns of a table."""
        return self.columns or usual
