"""Registered networks, and the one that is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Connection, select, update

from db.audit import Action, note
from db.database import AnyRow, Database, insert_into, moment
from db.errors import ModelDiffers, ModelUnknown, RunNameTaken
from db.records import ModelRecord
from db.states import RunState
from db.tables import measurement, model, training_run


def register_model(
    db: Database,
    version: str,
    weights_digest: str,
    card: Mapping[str, object],
    *,
    serve: bool,
    now: datetime | None = None,
) -> ModelRecord:
    """Register a network; a repeated call changes only, with ``serve``, which one is served.

    Raises ModelDiffers: the version is registered with other weights. RunNameTaken: a training run
    that may still finish needs the version for its network.
    """
    with db.write() as connection:
        if note_model(connection, version, weights_digest, card, now):
            _check_no_run(connection, version)
        if serve:
            _locked(connection)
            _serve(connection, version)
        return _record(_row(connection, version))


def register_shipped(
    db: Database,
    version: str,
    weights_digest: str,
    card: Mapping[str, object],
    *,
    shipped: Callable[[str], bool],
    now: datetime | None = None,
) -> ModelRecord:
    """Register the network shipped with this program; serve it unless an operator chose another.

    It is served if no network is, or if it is new in this database and the served one was shipped
    with another release, which ``shipped`` tells by its version. A promoted network stays.
    Raises ModelDiffers: the version is registered with other weights.
    """
    with db.write() as connection:
        _locked(connection)
        new = note_model(connection, version, weights_digest, card, now)
        served = connection.execute(select(model.c.version).where(model.c.served)).scalar()
        if served is None or (new and shipped(served)):
            _serve(connection, version)
        return _record(_row(connection, version))


def serve_model(db: Database, version: str) -> tuple[ModelRecord | None, ModelRecord]:
    """Serve a registered network: new submissions are measured by it.

    Return the network served before and the one served now.
    Raises ModelUnknown.
    """
    with db.write() as connection:
        _row(connection, version)
        _locked(connection)
        before = connection.execute(select(model).where(model.c.served)).one_or_none()
        _serve(connection, version)
        former = None if before is None else before.version
        note(connection, Action.PROMOTE, version, moment(connection, None), before=former)
        return None if before is None else _record(before), _record(_row(connection, version))


def find_model(db: Database, version: str) -> ModelRecord:
    """Return a registered network.

    Raises ModelUnknown.
    """
    with db.read() as connection:
        return _record(_row(connection, version))


def registered_digest(db: Database, version: str) -> str | None:
    """Return the digest of a network's weights; None: it is not registered."""
    with db.read() as connection:
        asked = select(model.c.weights_digest).where(model.c.version == version)
        return connection.execute(asked).scalar()


def served_model(db: Database) -> ModelRecord | None:
    """Return the network that new submissions are measured by; None: none was chosen yet."""
    with db.read() as connection:
        row = connection.execute(select(model).where(model.c.served)).one_or_none()
    return None if row is None else _record(row)


def list_models(db: Database) -> list[ModelRecord]:
    """Return every registered network, the oldest first."""
    with db.read() as connection:
        rows = connection.execute(
            select(model).order_by(model.c.registered_at, model.c.version)
        ).all()
    return [_record(row) for row in rows]


def note_model(
    connection: Connection,
    version: str,
    weights_digest: str,
    card: Mapping[str, object],
    now: datetime | None,
) -> bool:
    """Insert a network unless it exists; return whether it is new. Raises ModelDiffers."""
    new = connection.execute(
        insert_into(connection, model)
        .values(
            version=version,
            weights_digest=weights_digest,
            card=dict(card),
            served=False,
            registered_at=moment(connection, now),
        )
        .on_conflict_do_nothing()
        .returning(model.c.version)
    ).scalar_one_or_none()
    row = _row(connection, version)
    if row.weights_digest != weights_digest:
        raise ModelDiffers(
            f"{version} is registered with weights {row.weights_digest[:12]}, not "
            f"{weights_digest[:12]}: give the new weights a new version"
        )
    return new is not None


def _check_no_run(connection: Connection, version: str) -> None:
    open_run = select(training_run.c.id).where(
        training_run.c.name == version, training_run.c.state != RunState.FINISHED
    )
    if connection.execute(open_run).first() is not None:
        raise RunNameTaken(
            f"the training run {version} will give its network this name: register yours under "
            "another version"
        )


def _locked(connection: Connection) -> None:
    # All rows in one order, so that two processes that serve different versions take turns.
    connection.execute(select(model.c.version).order_by(model.c.version).with_for_update()).all()


def _serve(connection: Connection, version: str) -> None:
    """Serve one network; call `_locked` first."""
    connection.execute(
        update(model).where(model.c.served, model.c.version != version).values(served=False)
    )
    connection.execute(update(model).where(model.c.version == version).values(served=True))


def check_measures(connection: Connection, version: str) -> None:
    """Check that a network is registered or has results. Raises ModelUnknown."""
    if connection.execute(select(model.c.version).where(model.c.version == version)).first():
        return
    measured = select(measurement.c.id).where(measurement.c.model_version == version).limit(1)
    if connection.execute(measured).first() is None:
        raise _unknown(version)


def _row(connection: Connection, version: str) -> AnyRow:
    row = connection.execute(select(model).where(model.c.version == version)).one_or_none()
    if row is None:
        raise _unknown(version)
    return row


def _unknown(version: str) -> ModelUnknown:
    return ModelUnknown(f"no model {version!r}: `thoraq models list` lists them")


def _record(row: AnyRow) -> ModelRecord:
    return ModelRecord(row.version, row.weights_digest, row.card, row.served, row.registered_at)
