"""Indexes for listing the results of one network, and of one batch, in order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


_EARLY = "job.state = 'measured' AND job.settled_at < job.first_claimed_at"
#: Entries without files, which give the time of a batch's first result.
_TELL_TALLY = f"""
    INSERT INTO tally (batch_id, ending, files, first_claimed_at)
    SELECT file.batch_id, 'measured', 0, min(job.settled_at)
    FROM job JOIN file ON file.job_id = job.id AND NOT file.duplicate
    WHERE {_EARLY} GROUP BY file.batch_id
"""  # noqa: S608
_MEND = f"UPDATE job SET first_claimed_at = settled_at WHERE {_EARLY}"  # noqa: S608


def upgrade() -> None:
    """Extend the index of networks by the time; add one for the duplicates of a batch.

    Jobs that ended before they began, after a clock was set back, now begin when they ended.
    """
    op.execute(_TELL_TALLY)
    op.execute(_MEND)
    op.drop_index("ix_measurement_model_version", "measurement")
    op.create_index(
        "ix_measurement_model_version_measured_at_id",
        "measurement",
        ["model_version", "measured_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_file_batch_id_duplicate",
        "file",
        ["batch_id"],
        unique=False,
        sqlite_where=sa.text("duplicate = 1"),
        postgresql_where=sa.text("duplicate"),
    )


def downgrade() -> None:
    """Restore the index of networks only, and drop the other."""
    op.drop_index("ix_file_batch_id_duplicate", "file")
    op.drop_index("ix_measurement_model_version_measured_at_id", "measurement")
    op.create_index("ix_measurement_model_version", "measurement", ["model_version"], unique=False)
