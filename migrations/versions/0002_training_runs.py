"""Training runs: a job type of the queue, with its checks and phases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STATES = "'queued', 'running', 'finished', 'failed', 'cancelled'"


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "training_run",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("start", sa.Text(), nullable=True),
        sa.Column("teachers", sa.JSON(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last", sa.JSON(), nullable=True),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("model_version", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"state IN ({_STATES})", name=op.f("ck_training_run_state")),
        sa.CheckConstraint(
            "(state = 'running') = (owner IS NOT NULL)", name=op.f("ck_training_run_owner")
        ),
        sa.CheckConstraint(
            "(state = 'running') = (lease_expires_at IS NOT NULL)",
            name=op.f("ck_training_run_lease"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_run")),
        sa.UniqueConstraint("name", name=op.f("uq_training_run_name")),
    )
    op.create_index("ix_training_run_owner", "training_run", ["owner"], unique=False)
    op.create_index("ix_training_run_state", "training_run", ["state"], unique=False)
    op.create_table(
        "training_check",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("run_id", _ROW_ID, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["training_run.id"], name=op.f("fk_training_check_run_id_training_run")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_check")),
        sa.UniqueConstraint(
            "run_id", "ordinal", "step", name=op.f("uq_training_check_run_id_ordinal_step")
        ),
    )
    op.create_table(
        "training_phase",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("run_id", _ROW_ID, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["training_run.id"], name=op.f("fk_training_phase_run_id_training_run")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_phase")),
        sa.UniqueConstraint("run_id", "ordinal", name=op.f("uq_training_phase_run_id_ordinal")),
    )


def downgrade() -> None:
    """Drop the tables, with every run."""
    op.drop_table("training_phase")
    op.drop_table("training_check")
    op.drop_table("training_run")
