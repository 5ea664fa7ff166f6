"""The ledger of each batch, updated with every change instead of counting a million files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_BLAMED = "('set_aside', 'failed')"
_COLUMNS = "batch_id, ending, code, bucket, enlarged, files, first_claimed_at, last_settled_at"

#: The group of a file: `f` is its row, `j` its job's, `m` the measurement of a measured job.
_FILE = f"""
    f.batch_id,
    CASE WHEN f.duplicate THEN 'duplicate'
         WHEN f.disposition IS NOT NULL THEN f.disposition
         ELSE j.state END AS ending,
    CASE WHEN f.duplicate THEN NULL
         WHEN f.disposition IS NOT NULL THEN f.code
         WHEN j.state IN {_BLAMED} THEN j.code END AS code,
    m.bucket, m.enlarged
"""
_JOB_OF = "job.id = f.job_id AND NOT f.duplicate"
#: Written so that the index of versions is not used: all measurements may have the same version.
_MEASURED = """j.state = 'measured' AND measurement.radiograph_id = j.radiograph_id
    AND measurement.model_version || '' = j.model_version"""
#: Inserts the sums over the files that ``{files}`` selects with a sign.
_SUMS = f"""
    INSERT INTO tally ({_COLUMNS})
    SELECT {_FILE}, sum(f.sign),
        min(CASE WHEN f.sign > 0 THEN j.first_claimed_at END),
        max(CASE WHEN f.sign > 0 THEN j.settled_at END)
    FROM {{files}} f {{joined}}
    GROUP BY 1, 2, 3, 4, 5
    HAVING sum(f.sign) <> 0
"""  # noqa: S608
_JOINED = f"""
    LEFT JOIN job j ON {_JOB_OF.replace("job.", "j.", 1)}
    LEFT JOIN measurement m ON {_MEASURED.replace("measurement.", "m.")}
"""

# SQLite has only row triggers: each row is subtracted from its old group and added to the new one.
_SQLITE_ROW = _SUMS.format(
    files="(SELECT file.*, {sign} AS sign FROM file WHERE {which})", joined=_JOINED
)
_SQLITE = {
    "tally_file_insert": ("AFTER INSERT ON file", 1, "id = NEW.id"),
    "tally_file_before": ("BEFORE UPDATE OF duplicate ON file", -1, "id = OLD.id"),
    "tally_file_after": ("AFTER UPDATE OF duplicate ON file", 1, "id = NEW.id"),
    "tally_file_delete": ("BEFORE DELETE ON file", -1, "id = OLD.id"),
    "tally_job_before": (
        "BEFORE UPDATE OF state ON job",
        -1,
        "job_id = OLD.id AND NOT duplicate",
    ),
    "tally_job_after": (
        "AFTER UPDATE OF state ON job",
        1,
        "job_id = NEW.id AND NOT duplicate",
    ),
}

# PostgreSQL counts all rows of a statement at once. Nothing is updated, so that no writer waits. A
# plan lives as long as its connection, and one made while a table was empty must not scan it later:
# OFFSET 0 makes it look up each row separately, by its index.
_BY_INDEX = "SET enable_seqscan = off"
_EACH = f"""
    LEFT JOIN LATERAL (SELECT * FROM job WHERE {_JOB_OF} OFFSET 0) j ON true
    LEFT JOIN LATERAL (SELECT * FROM measurement WHERE {_MEASURED} OFFSET 0) m ON true
"""  # noqa: S608
_WAS, _IS = "SELECT *, -1 AS sign FROM was", "SELECT *, 1 AS sign FROM now_is"
_JOBS = f"""
    INSERT INTO tally ({_COLUMNS})
    SELECT f.batch_id, j.state, CASE WHEN j.state IN {_BLAMED} THEN j.code END,
        m.bucket, m.enlarged, sum(j.sign),
        min(CASE WHEN j.sign > 0 THEN j.first_claimed_at END),
        max(CASE WHEN j.sign > 0 THEN j.settled_at END)
    FROM ({_WAS} UNION ALL {_IS}) j
    JOIN LATERAL (SELECT * FROM file WHERE job_id = j.id AND NOT duplicate OFFSET 0) f ON true
    LEFT JOIN LATERAL (SELECT * FROM measurement WHERE {_MEASURED} OFFSET 0) m ON true
    GROUP BY 1, 2, 3, 4, 5
    HAVING sum(j.sign) <> 0
"""  # noqa: S608


def _of(files: str) -> str:
    return _SUMS.format(files=files, joined=_EACH)


_POSTGRESQL = {
    "tally_file_insert": ("INSERT ON file", "NEW TABLE AS now_is", _of(f"({_IS})")),
    "tally_file_update": (
        "UPDATE ON file",
        "OLD TABLE AS was NEW TABLE AS now_is",
        _of(f"({_WAS} UNION ALL {_IS})"),
    ),
    "tally_file_delete": ("DELETE ON file", "OLD TABLE AS was", _of(f"({_WAS})")),
    "tally_job_update": ("UPDATE ON job", "OLD TABLE AS was NEW TABLE AS now_is", _JOBS),
}


def upgrade() -> None:
    """Add the table, count the existing files, and add the triggers."""
    op.create_table(
        "tally",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("ending", sa.String(length=24), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("bucket", sa.String(length=24), nullable=True),
        sa.Column("enlarged", sa.Boolean(), nullable=True),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("first_claimed_at", _MOMENT, nullable=True),
        sa.Column("last_settled_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "bucket IN ('excellent', 'very_good', 'good', 'review', 'unrated')",
            name=op.f("ck_tally_bucket"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tally")),
    )
    op.create_index("ix_tally_batch_id", "tally", ["batch_id"], unique=False)
    op.execute(_SUMS.format(files="(SELECT file.*, 1 AS sign FROM file)", joined=_JOINED))
    if op.get_bind().dialect.name == "sqlite":
        for name, (event, sign, which) in _SQLITE.items():
            row = _SQLITE_ROW.format(sign=sign, which=which)
            op.execute(f"CREATE TRIGGER {name} {event} BEGIN {row}; END")
        return
    for name, (event, tables, statement) in _POSTGRESQL.items():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {_BY_INDEX} "
            f"AS $$ BEGIN {statement}; RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} REFERENCING {tables} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


def downgrade() -> None:
    """Drop the triggers and the table."""
    if op.get_bind().dialect.name == "sqlite":
        for name in _SQLITE:
            op.execute(f"DROP TRIGGER {name}")
    else:
        for name, (event, _, _) in _POSTGRESQL.items():
            op.execute(f"DROP TRIGGER {name} ON {event.split()[-1]}")
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("tally")
