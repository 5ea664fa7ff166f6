"""The results of one bucket are found in the order they are listed in."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the index of buckets go on by the time and the number of the measurement."""
    op.drop_index("ix_measurement_bucket", "measurement")
    op.create_index(
        "ix_measurement_bucket_measured_at_id",
        "measurement",
        ["bucket", "measured_at", "id"],
        unique=False,
    )


def downgrade() -> None:
    """Let it end with the bucket."""
    op.drop_index("ix_measurement_bucket_measured_at_id", "measurement")
    op.create_index("ix_measurement_bucket", "measurement", ["bucket"], unique=False)
