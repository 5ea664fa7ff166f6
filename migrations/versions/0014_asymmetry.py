"""The asymmetry of the halves of the chest, a measure of results."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_INDEX = "ix_measurement_asymmetry_lacking"


def upgrade() -> None:
    """Add the column; older results have no value until `thoraq recompute`."""
    op.add_column("measurement", sa.Column("asymmetry", sa.Float(), nullable=True))
    lacking = sa.text("asymmetry IS NULL")
    op.create_index(_INDEX, "measurement", ["id"], sqlite_where=lacking, postgresql_where=lacking)


def downgrade() -> None:
    """Drop it."""
    op.drop_index(_INDEX, "measurement")
    op.drop_column("measurement", "asymmetry")
