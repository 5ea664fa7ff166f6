"""Where the schema of a database stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Where a database's schema stands; None: it has none."""

    current: str | None
    head: str
    pending: tuple[str, ...]  # revisions to be applied, oldest first

    @property
    def up_to_date(self) -> bool:
        """Whether nothing is to be applied."""
        return not self.pending
