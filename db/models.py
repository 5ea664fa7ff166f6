"""Registered networks, and the one that is served."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select, update

from db.database import AnyRow, Database, insert_into, moment
from db.errors import ModelDiffers, ModelUnknown
from db.records import ModelRecord
from db.tables import model


def register_model(
    db: Database,
    version: str,
    weights_digest: str,
    card: Mapping[str, object],
    *,
    serve: bool,
    now: datetime | None = None,
) -> ModelRecord:
    """Note a network; doing so again changes nothing but, with ``serve``, which one is served.

    Raises ModelDiffers: the version stands for other weights.
    """
    with db.write() as connection:
        connection.execute(
            insert_into(connection, model)
            .values(
                version=version,
                weights_digest=weights_digest,
                card=dict(card),
                served=False,
                registered_at=moment(connection, now),
            )
            .on_conflict_do_nothing()
        )
        row = _row(connection, version)
        if row.weights_digest != weights_digest:
            raise ModelDiffers(
                f"{version} is registered with weights {row.weights_digest[:12]}, not "
                f"{weights_digest[:12]}: give the new weights a new version"
            )
        if serve:
            _serve(connection, version)
        return _record(_row(connection, version))


def serve_model(db: Database, version: str) -> ModelRecord:
    """Make a registered network the one that new submissions are measured by.

    Raises ModelUnknown.
    """
    with db.write() as connection:
        _row(connection, version)
        _serve(connection, version)
        return _record(_row(connection, version))


def served_model(db: Database) -> ModelRecord | None:
    """Tell which network new submissions are measured by; None: none was chosen yet."""
    with db.read() as connection:
        row = connection.execute(select(model).where(model.c.served)).one_or_none()
    return None if row is None else _record(row)


def list_models(db: Database) -> list[ModelRecord]:
    """Every registered network, the oldest first."""
    with db.read() as connection:
        rows = connection.execute(
            select(model).order_by(model.c.registered_at, model.c.version)
        ).all()
    return [_record(row) for row in rows]


def _serve(connection: Connection, version: str) -> None:
    # All rows in one order: two processes that serve different versions take turns.
    connection.execute(select(model.c.version).order_by(model.c.version).with_for_update()).all()
    connection.execute(
        update(model).where(model.c.served, model.c.version != version).values(served=False)
    )
    connection.execute(update(model).where(model.c.version == version).values(served=True))


def _row(connection: Connection, version: str) -> AnyRow:
    row = connection.execute(select(model).where(model.c.version == version)).one_or_none()
    if row is None:
        raise ModelUnknown(f"no model {version!r}: `thoraq models list` shows those there are")
    return row


def _record(row: AnyRow) -> ModelRecord:
    return ModelRecord(row.version, row.weights_digest, row.card, row.served, row.registered_at)
