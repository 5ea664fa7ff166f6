"""Paths in the form in which the database stores them."""

from __future__ import annotations

from sqlalchemy import select, type_coerce

from db.columns import FilePath
from db.database import Database
from db.tables import file


def newest_texts(db: Database, limit: int) -> list[str]:
    """Return the stored paths of the newest files, the newest first."""
    text = type_coerce(file.c.path, FilePath)
    with db.read() as connection:
        return list(connection.scalars(select(text).order_by(file.c.id.desc()).limit(limit)))
