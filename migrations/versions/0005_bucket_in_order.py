"""An index for listing the results of one bucket in order."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Extend the index of buckets by the time and id of the measurement."""
    op.drop_index("ix_measurement_bucket", "measurement")
    op.create_index(
        "ix_measurement_bucket_measured_at_id",
        "measurement",
        ["bucket", "measured_at", "id"],
        unique=False,
    )


def downgrade() -> None:
    """Restore the index of buckets only."""
    op.drop_index("ix_measurement_bucket_measured_at_id", "measurement")
    op.create_index("ix_measurement_bucket", "measurement", ["bucket"], unique=False)
