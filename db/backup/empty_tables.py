"""Bulk loading on PostgreSQL, without the keys, indexes and triggers that would slow it down."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

#: Only our own tables: others may share their schema.
_OURS = "WHERE t.relname = ANY(:names) AND t.relnamespace = current_schema()::regnamespace"
#: Foreign keys last: each needs the primary or unique key of the other table.
_CONSTRAINTS = f"""
    SELECT t.oid::regclass::text, quote_ident(c.conname), pg_get_constraintdef(c.oid)
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    {_OURS} AND c.contype IN ('p', 'u', 'f') ORDER BY c.contype = 'f' DESC
"""  # noqa: S608
_INDEXES = f"""
    SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
    {_OURS} AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""  # noqa: S608


@contextmanager
def without_constraints(connection: Connection, tables: Collection[str]) -> Iterator[None]:
    """Drop keys, indexes and triggers; then restore them and set sequences to the last row."""
    names = {"names": list(tables)}
    constraints = connection.execute(text(_CONSTRAINTS), names).all()
    indexes = connection.execute(text(_INDEXES), names).all()
    for table, name, _ in constraints:
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        connection.exec_driver_sql(f"DROP INDEX {name}")
    for table in tables:
        connection.exec_driver_sql(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
    yield
    for table in tables:
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
    for table, name, definition in reversed(constraints):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for _, definition in indexes:
        # text(), since exec_driver_sql would interpret a per cent sign as a placeholder.
        connection.execute(text(definition.replace(":", "\\:")))
    _number_on(connection, tables)


def _number_on(connection: Connection, tables: Collection[str]) -> None:
    for table in tables:
        sequence = connection.execute(
            text(
                "SELECT pg_get_serial_sequence(quote_ident(:name), a.attname) FROM pg_attribute a"
                " JOIN pg_class t ON t.oid = a.attrelid WHERE t.relname = :name AND"
                " t.relnamespace = current_schema()::regnamespace AND a.attname = 'id'"
            ),
            {"name": table},
        ).scalar()
        if sequence is not None:
            connection.execute(
                text(
                    f'SELECT setval(:sequence, coalesce(max(id), 1), max(id) IS NOT NULL) FROM "{table}"'  # noqa: S608, E501
                ),
                {"sequence": sequence},
            )
