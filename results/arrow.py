"""Results as Arrow holds them: dates and times of their own types, texts in UTF-8."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

from results.columns import COLUMNS, Kind
from results.errors import PandasMissing
from results.rows import Row

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows held at a time, and in one group of a Parquet file.
GROUP_ROWS = 10_000


def arrow_schema(columns: Sequence[str]) -> pa.Schema:
    """Return the types of columns of a result."""
    # 40 MB of library that only these forms need.
    import pyarrow as pa  # noqa: PLC0415

    kinds = {column.name: column.kind for column in COLUMNS}
    types = {
        Kind.TEXT: pa.string(),
        Kind.INTEGER: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.FLAG: pa.bool_(),
        Kind.DATE: pa.date32(),
        Kind.TIME: pa.timestamp("s", tz="UTC"),
    }
    return pa.schema([(name, types[kinds[name]]) for name in columns])


def arrow_groups(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[pa.Table]:
    """Yield rows as tables of at most ``GROUP_ROWS`` rows, never holding more of them."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    kinds = {column.name: column.kind for column in COLUMNS}
    schema = arrow_schema(columns)
    remaining = iter(rows)
    while group := list(islice(remaining, GROUP_ROWS)):
        typed = [{name: typed_value(kinds[name], row[name]) for name in columns} for row in group]
        yield pa.Table.from_pylist(typed, schema=schema)


def arrow_table(rows: Iterable[Row]) -> pa.Table:
    """Return rows of every column as one table; without rows, the columns alone."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    names = [column.name for column in COLUMNS]
    groups = list(arrow_groups(rows, names))
    return pa.concat_tables(groups) if groups else arrow_schema(names).empty_table()


def data_frame(rows: Iterable[Row]) -> Any:
    """Return rows of every column as a pandas DataFrame. Raises PandasMissing."""
    if find_spec("pandas") is None:
        raise PandasMissing
    return arrow_table(rows).to_pandas()


def typed_value(kind: Kind, value: Any) -> object:
    """Return what Arrow holds for a value of a row."""
    if value is None:
        return None
    if kind is Kind.DATE:
        return date.fromisoformat(value)
    if kind is Kind.TIME:
        return datetime.fromisoformat(value)
    if kind is Kind.TEXT:
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value
