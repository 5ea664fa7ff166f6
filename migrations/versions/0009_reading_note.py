"""A note on contradictions within a result's file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the note; older results have none until their file is read again."""
    # ADD COLUMN of SQLite appends to the last line of the table's statement, which is compared.
    anew = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("radiograph", recreate=anew) as radiograph:
        radiograph.add_column(sa.Column("reading_note", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("radiograph") as radiograph:
        radiograph.drop_column("reading_note")
