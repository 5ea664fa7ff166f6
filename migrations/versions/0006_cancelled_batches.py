"""When a batch was cancelled, so that other batches' jobs are not kept for its files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


#: From the audit log: when a batch was cancelled, unless it was retried later.
_ASK_AUDIT = """
    UPDATE batch SET cancelled_at = (
        SELECT max(audit.at) FROM audit WHERE audit.action = 'cancel' AND audit.subject = batch.name
        AND NOT EXISTS (
            SELECT 1 FROM audit AS later WHERE later.action = 'retry' AND later.at > audit.at
            AND (later.subject = batch.name OR later.subject IS NULL)
        )
    )
"""


def upgrade() -> None:
    """Add the column."""
    # ADD COLUMN of SQLite appends to the last line of the table's statement, which is compared.
    anew = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("batch", recreate=anew) as batch:
        batch.add_column(sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_ASK_AUDIT)


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("batch") as batch:
        batch.drop_column("cancelled_at")
