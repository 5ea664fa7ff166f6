"""Whether a watch moves a batch's files, for which their paths are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    # ADD COLUMN of SQLite appends to the last line of the table's statement, which is compared.
    anew = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("batch", recreate=anew) as batch:
        batch.add_column(sa.Column("puts_away", sa.Boolean(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("batch") as batch:
        batch.drop_column("puts_away")
