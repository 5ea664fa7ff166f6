"""Pauses of batches and queues, what a watch did with files, and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_QUEUES = "'urgent', 'routine', 'training'"
_PLACES = "'done', 'failed', 'deleted', 'gone'"

#: Existing chunks have jobs of one batch each, except after a retry of everything.
_SET_BATCHES = """
    UPDATE chunk SET batch_id = (
        SELECT min(file.batch_id) FROM job JOIN file ON file.job_id = job.id AND NOT file.duplicate
        WHERE job.chunk_id = chunk.id
    ) WHERE claimed_at IS NULL
"""


def upgrade() -> None:
    """Add two tables and three columns."""
    # ADD COLUMN of SQLite appends to the last line of the table's statement, which is compared.
    anew = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("batch", recreate=anew) as batch:
        batch.add_column(sa.Column("paused_at", _MOMENT, nullable=True))
    with op.batch_alter_table("chunk") as chunk:
        chunk.add_column(sa.Column("batch_id", _ROW_ID, nullable=True))
        chunk.create_foreign_key(op.f("fk_chunk_batch_id_batch"), "batch", ["batch_id"], ["id"])
    op.execute(_SET_BATCHES)
    with op.batch_alter_table("file") as file:
        file.add_column(sa.Column("place", sa.String(length=24), nullable=True))
        file.create_check_constraint(op.f("ck_file_place"), f"place IN ({_PLACES})")
        file.create_index("ix_file_batch_id_place", ["batch_id", "place"], unique=False)
    op.create_table(
        "queue_pause",
        sa.Column("queue", sa.String(length=24), nullable=False),
        sa.Column("paused_at", _MOMENT, nullable=False),
        sa.CheckConstraint(f"queue IN ({_QUEUES})", name=op.f("ck_queue_pause_queue")),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_queue_pause")),
    )
    op.create_table(
        "audit",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)


def downgrade() -> None:
    """Drop them: paused work runs, and the audit log is lost."""
    op.drop_table("audit")
    op.drop_table("queue_pause")
    with op.batch_alter_table("file") as file:
        file.drop_index("ix_file_batch_id_place")
        file.drop_constraint(op.f("ck_file_place"), type_="check")
        file.drop_column("place")
    with op.batch_alter_table("chunk") as chunk:
        chunk.drop_constraint(op.f("fk_chunk_batch_id_batch"), type_="foreignkey")
        chunk.drop_column("batch_id")
    with op.batch_alter_table("batch") as batch:
        batch.drop_column("paused_at")
