"""Paths of reports and pictures that thoraq wrote, so that forgetting can remove them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "output",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("batch_id", _ROW_ID, nullable=True),
        sa.Column("radiograph_id", _ROW_ID, nullable=True),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_output_batch_id_batch")),
        sa.ForeignKeyConstraint(
            ["radiograph_id"],
            ["radiograph.id"],
            name=op.f("fk_output_radiograph_id_radiograph"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_output")),
    )
    op.create_index("ix_output_batch_id", "output", ["batch_id"], unique=False)
    op.create_index("ix_output_radiograph_id", "output", ["radiograph_id"], unique=False)


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("output")
