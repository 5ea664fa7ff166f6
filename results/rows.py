"""A row of a listing: a plain value per column."""

from __future__ import annotations

from collections.abc import Mapping

Value = str | int | float | bool | None
Row = Mapping[str, Value]
