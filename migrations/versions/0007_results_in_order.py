"""The results of one network, and of one batch, are found in the order they are listed in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


_EARLY = "job.state = 'measured' AND job.settled_at < job.first_claimed_at"
#: An entry that counts no file: it says since when the batch has results.
_TELL_TALLY = f"""
    INSERT INTO tally (batch_id, ending, files, first_claimed_at)
    SELECT file.batch_id, 'measured', 0, min(job.settled_at)
    FROM job JOIN file ON file.job_id = job.id AND NOT file.duplicate
    WHERE {_EARLY} GROUP BY file.batch_id
"""  # noqa: S608
_MEND = f"UPDATE job SET first_claimed_at = settled_at WHERE {_EARLY}"  # noqa: S608


def upgrade() -> None:
    """Let the index of networks go on by the time; find the duplicates of a batch by one.

    What a clock that was set back let end before it began, begins when it ended.
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
    """Let it end with the network, and drop the other."""
    op.drop_index("ix_file_batch_id_duplicate", "file")
    op.drop_index("ix_measurement_model_version_measured_at_id", "measurement")
    op.create_index("ix_measurement_model_version", "measurement", ["model_version"], unique=False)
