"""Rows as an earlier release wrote them, at the revision before the newest one or an older one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table

from db import migration, schema
from db.columns import path_digest
from db.engine import engine_of

BATCH = "routine"
RUN = "night"
#: The state of each valid radiograph in the archive, in order; there must be this many.
ENDINGS = (
    *("lost", "lost"),  # running, with an expired lease
    *("at work", "at work"),  # running, with a lease about to expire
    *("sent", "sent", "sent"),  # queued and sent
    *("unsent", "unsent", "unsent"),
    *("waiting", "waiting"),  # queued for a retry, later
    *("measured", "failed", "set aside", "cancelled"),
)
#: Values of required columns that revisions after 0006 add: (table, column) -> value.
REQUIRED: dict[tuple[str, str], object] = {}


def previous_revision() -> str:
    """Return the revision before the newest one."""
    return f"{int(schema.HEAD) - 1:04}"


def write_previous(url: str, files: Sequence[Path], model: str, revision: str | None = None) -> int:
    """Downgrade a new database to a revision and fill it; return the chunk that was sent.

    ``revision``: None for the one before the newest.
    """
    migration.downgrade(url, revision or previous_revision())
    engine = engine_of(url).execution_options(thoraq_writing=True)
    try:
        with engine.begin() as connection:
            return _Release(connection, model).write(files)
    finally:
        engine.dispose()


class _Release:
    def __init__(self, connection: Connection, model: str) -> None:
        self._connection = connection
        self._model = model
        self._tables = MetaData()
        self._tables.reflect(connection)
        now = datetime.now(UTC)
        self._now = now.replace(tzinfo=None) if connection.dialect.name == "sqlite" else now

    def write(self, files: Sequence[Path]) -> int:
        batch = self._add("batch", name=BATCH, priority="routine", created_at=self._ago(60))
        chunks = {
            "lost": self._chunk(batch, sent=True, claimed=True),
            "at work": self._chunk(batch, sent=True, claimed=True),
            "sent": self._chunk(batch, sent=True),
            "unsent": self._chunk(batch),
            "waiting": self._chunk(batch, not_before=self._now + timedelta(seconds=1)),
            "ended": self._chunk(batch, sent=True, claimed=True),
        }
        for path, ending in zip(files, ENDINGS, strict=True):
            chunk = chunks.get(ending, chunks["ended"])
            job = self._job(path, ending, chunk)
            self._file(batch, path, job_id=job["id"], radiograph_id=job["radiograph_id"])
        copy = files[0].with_name("copy.png")
        self._file(batch, copy, job_id=1, radiograph_id=1, duplicate=True)
        refused = {"code": "not-an-image", "detail": "no image", "disposition": "set_aside"}
        self._file(batch, files[0].with_name("notes.txt"), sha256=None, **refused)
        self._training_run()
        said = {"files": len(files)}
        told = {"said": said, "details": said}  # its name until 0015, and since
        self._add("audit", at=self._ago(60), who="a@b", action="submit", subject=BATCH, **told)
        return chunks["sent"]

    def _ago(self, minutes: float) -> datetime:
        return self._now - timedelta(minutes=minutes)

    def _add(self, table: str, **values: object) -> int:
        """Insert the values for which there are columns; return the row's id, 0 without a table."""
        if table not in self._tables.tables:
            return 0
        known: Table = self._tables.tables[table]
        values |= {column: value for (of, column), value in REQUIRED.items() if of == table}
        row: Mapping[str, Any] = {key: each for key, each in values.items() if key in known.c}
        [key] = self._connection.execute(known.insert().values(row)).inserted_primary_key or [0]
        return int(key)

    def _chunk(
        self,
        batch: int,
        *,
        sent: bool = False,
        claimed: bool = False,
        not_before: datetime | None = None,
    ) -> int:
        return self._add(
            "chunk",
            model_version=self._model,
            priority="routine",
            created_at=self._ago(60),
            not_before=not_before,
            sent_at=self._now if sent else None,
            claimed_at=self._ago(10) if claimed else None,
            batch_id=batch,
        )

    def _job(self, path: Path, ending: str, chunk: int) -> dict[str, int]:
        radiograph = self._add(
            "radiograph",
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            format="png",
            path=str(path),
            size=path.stat().st_size,
            view="UNKNOWN",
            frames=1,
            created_at=self._ago(60),
        )
        states = {"lost": "running", "at work": "running", "set aside": "set_aside"}
        queued = dict.fromkeys(("sent", "unsent", "waiting"), "queued")
        state = (states | queued).get(ending, ending)
        tried = state not in {"queued", "cancelled"} or ending == "waiting"
        lease = {"lost": self._ago(5), "at work": self._now + timedelta(seconds=2)}.get(ending)
        settled = state in {"measured", "failed", "set_aside", "cancelled"}
        code = {"failed": "truncated-file", "set aside": "lateral-view"}.get(ending)
        job = self._add(
            "job",
            radiograph_id=radiograph,
            model_version=self._model,
            state=state,
            priority="routine",
            chunk_id=chunk,
            owner=None if lease is None else f"00000000-0000-0000-0000-00000000000{chunk}",
            worker="cpu0@former" if tried else None,
            lease_expires_at=lease,
            attempts=int(tried),
            transient_refusals=int(ending == "waiting"),
            alone_crashes=0,
            first_claimed_at=self._ago(10) if tried else None,
            settled_at=self._ago(9) if settled else None,
            code=code,
            detail=None if code is None else "as the file was",
        )
        if ending in {"waiting", "failed"}:
            self._add(
                "failure",
                job_id=job,
                code=code or "file-unavailable",
                detail="as the file was",
                permanent=code is not None,
                attempt=1,
                worker="cpu0@former",
                at=self._ago(9),
            )
        if ending == "measured":
            self._measurement(radiograph)
        return {"id": job, "radiograph_id": radiograph}

    def _file(self, batch: int, path: Path, **of: object) -> None:
        values: dict[str, object] = {"sha256": "0" * 64, "duplicate": False} | of
        self._add(
            "file",
            batch_id=batch,
            path=str(path),
            path_digest=path_digest(str(path)),
            size=1,
            mtime_ns=1,
            seen_at=self._ago(60),
            **values,
        )

    def _measurement(self, radiograph: int) -> None:
        self._add(
            "measurement",
            radiograph_id=radiograph,
            model_version=self._model,
            points=[[float(each), float(each)] for each in range(19)],
            spreads=[1.0] * 19,
            ict=0.48,
            ict_rule="adult-pa",
            enlarged=False,
            bucket="good",
            bucket_basis="expected",
            weights_digest="d" * 64,
            code_version="0.1.0",
            device="cpu",
            precision="float32",
            worker="cpu0@former",
            duration_ms=12.5,
            attempt=1,
            measured_at=self._ago(9),
        )

    def _training_run(self) -> None:
        self._add(
            "training_run",
            name=RUN,
            data="/films",
            plan={"seed": 1},
            teachers=[],
            state="running",
            cancel_requested=False,
            owner="00000000-0000-0000-0000-0000000000ff",
            lease_expires_at=self._ago(5),
            attempts=1,
            device="cpu",
            worker="training0@former",
            created_at=self._ago(60),
            sent_at=self._ago(60),
            started_at=self._ago(50),
        )
