"""A radiograph has a digest of what its file holds, however that file came here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_INDEX = "uq_radiograph_content_digest"


def upgrade() -> None:
    """Add the digest; a known file gets its own when it is seen the next time."""
    op.add_column("radiograph", sa.Column("content_digest", sa.String(64), nullable=True))
    op.create_index(_INDEX, "radiograph", ["content_digest"], unique=True)


def downgrade() -> None:
    """Drop it."""
    op.drop_index(_INDEX, "radiograph")
    op.drop_column("radiograph", "content_digest")
