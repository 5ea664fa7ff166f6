"""Results as Arrow tables: dates and times with their own types, texts in UTF-8."""

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

#: Rows in memory at a time, and in one row group of a Parquet file.
GROUP_ROWS = 10_000


def arrow_schema(columns: Sequence[str]) -> pa.Schema:
    """Return the Arrow schema of the columns."""
    # Imported late: 40 MB that only these formats need.
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
    """Yield rows as tables of at most ``GROUP_ROWS`` rows, one in memory at a time."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    kinds = {column.name: column.kind for column in COLUMNS}
    schema = arrow_schema(columns)
    remaining = iter(rows)
    while group := list(islice(remaining, GROUP_ROWS)):
        typed = [{name: typed_value(kinds[name], row[name]) for name in columns} for row in group]
        yield pa.Table.from_pylist(typed, schema=schema)


def arrow_table(rows: Iterable[Row]) -> pa.Table:
    """Return rows with every column as one table; an empty one if there are no rows."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    names = [column.name for column in COLUMNS]
    groups = list(arrow_groups(rows, names))
    return pa.concat_tables(groups) if groups else arrow_schema(names).empty_table()


def data_frame(rows: Iterable[Row]) -> Any:
    """Return rows with every column as a pandas DataFrame. Raises PandasMissing."""
    if find_spec("pandas") is None:
        raise PandasMissing
    return arrow_table(rows).to_pandas()


def typed_value(kind: Kind, value: Any) -> object:
    """Return a value of a row with its Arrow type."""
    if value is None:
        return None
    if kind is Kind.DATE:
        return date.fromisoformat(value)
    if kind is Kind.TIME:
        return datetime.fromisoformat(value)
    if kind is Kind.TEXT:
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value
