"""Exports, recorded like reports: they belong to a person, and are listed but not removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    # ADD COLUMN of SQLite appends to the last line of the table's statement, which is compared.
    anew = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("output", recreate=anew) as output:
        output.add_column(sa.Column("exported", sa.Boolean(), nullable=True))


def downgrade() -> None:
    """Drop it, with the records of exports: an older program would remove the files."""
    op.execute(sa.text("DELETE FROM output WHERE exported"))
    with op.batch_alter_table("output") as output:
        output.drop_column("exported")
