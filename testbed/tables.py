"""Reading the tables of a database, and a guard over the states of jobs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select, text

from db.database import Database
from db.states import MOVES, JobState


def rows(db: Database, table: Table) -> list[Any]:
    with db.read() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key)))


def guard_moves(db: Database) -> None:
    """Add triggers that refuse every move of a job that is not in MOVES."""
    allowed = ", ".join(
        f"'{source}>{target}'" for source, targets in MOVES.items() for target in targets
    )
    moves = f"(OLD.state || '>' || NEW.state) NOT IN ({allowed})"
    made = f"NEW.state <> '{JobState.QUEUED}'"
    with db.write() as connection:
        if connection.dialect.name == "sqlite":
            for event, condition in (
                ("UPDATE", f"OLD.state <> NEW.state AND {moves}"),
                ("INSERT", made),
            ):
                connection.execute(
                    text(
                        f"CREATE TRIGGER guard_{event} BEFORE {event} ON job WHEN {condition} "
                        "BEGIN SELECT RAISE(ABORT, 'no such move'); END"
                    )
                )
            return
        connection.execute(
            text(
                "CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'no such move'; END $$"
            )
        )
        for event, condition in (
            ("UPDATE", f"OLD.state <> NEW.state AND {moves}"),
            ("INSERT", made),
        ):
            connection.execute(
                text(
                    f"CREATE TRIGGER guard_{event} BEFORE {event} ON job FOR EACH ROW "
                    f"WHEN ({condition}) EXECUTE FUNCTION guard()"
                )
            )
