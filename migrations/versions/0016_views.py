"""Views for people who query the database, and columns named for what they hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.views import drop_views, make_views

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

#: (table, former name, name)
_RENAMED = (
    ("training_check", "said", "figures"),
    ("training_phase", "said", "outcome"),
    ("audit", "said", "details"),
)
_DESTINATIONS = "'done', 'failed', 'deleted', 'gone'"


def upgrade() -> None:
    """Rename the columns and make the views."""
    for table, former, name in _RENAMED:
        _rename(table, former, name)
    _rename_destination("place", "destination")
    make_views()


def downgrade() -> None:
    """Drop the views; give the columns their former names."""
    drop_views()
    _rename_destination("destination", "place")
    for table, former, name in reversed(_RENAMED):
        _rename(table, name, former)


def _rename(table: str, former: str, name: str) -> None:
    # Both databases know the statement; only the name changes, no row.
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {former} TO {name}")


def _rename_destination(former: str, name: str) -> None:
    """Rename the column of `file` with its index and its constraint."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        _rename("file", former, name)
        op.execute(f"ALTER TABLE file RENAME CONSTRAINT ck_file_{former} TO ck_file_{name}")
        op.execute(f"ALTER INDEX ix_file_batch_id_{former} RENAME TO ix_file_batch_id_{name}")
        return
    # SQLite renames no constraint: it makes the table anew, without its triggers.
    triggers = bind.execute(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'file'")
    )
    statements = list(triggers.scalars())
    with op.batch_alter_table("file") as file:
        file.drop_index(f"ix_file_batch_id_{former}")
        file.drop_constraint(op.f(f"ck_file_{former}"), type_="check")
        file.alter_column(former, new_column_name=name)
        file.create_check_constraint(op.f(f"ck_file_{name}"), f"{name} IN ({_DESTINATIONS})")
    op.create_index(f"ix_file_batch_id_{name}", "file", ["batch_id", name], unique=False)
    for statement in statements:
        bind.exec_driver_sql(statement)
