"""A result says how much wider one half of the chest is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_INDEX = "ix_measurement_asymmetry_lacking"


def upgrade() -> None:
    """Add the column; what was measured before has none until `thoraq recompute`."""
    op.add_column("measurement", sa.Column("asymmetry", sa.Float(), nullable=True))
    lacking = sa.text("asymmetry IS NULL")
    op.create_index(_INDEX, "measurement", ["id"], sqlite_where=lacking, postgresql_where=lacking)


def downgrade() -> None:
    """Drop it."""
    op.drop_index(_INDEX, "measurement")
    op.drop_column("measurement", "asymmetry")
