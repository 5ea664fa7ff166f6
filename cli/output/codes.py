"""Error codes that an operator names on a command line."""

from __future__ import annotations

from collections.abc import Collection

import click

from cli.options import did_you_mean
from db.database import Database
from db.query.status import all_statuses
from results.codes import known_codes


def check_codes(database: Database, codes: Collection[str]) -> None:
    """Refuse codes that nothing ends with. Raises UsageError."""
    if strange := set(codes) - set(known_codes()):
        # An earlier version's codes may be in the database.
        strange -= {code for each in all_statuses(database) for code in each.codes}
    if strange:
        hint = did_you_mean(min(strange), known_codes())
        raise click.UsageError(f"no code is called {', '.join(sorted(strange))}.{hint}")
