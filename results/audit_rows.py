"""Rows of the audit log."""

from __future__ import annotations

from db.audit import Action
from db.records import AuditRow
from results.rows import Row

#: Every column of the list.
COLUMNS = ("at", "who", "action", "subject", "what")


def audit_row(found: AuditRow) -> Row:
    """Return the row of one request. A read without a batch has no subject."""
    whole = None if found.action == Action.READ else "everything"
    details = ", ".join(f"{name} {_words(value)}" for name, value in found.details.items() if value)
    return {
        "at": found.at.isoformat(timespec="seconds"),
        "who": found.who,
        "action": found.action,
        "subject": found.subject or whole,
        "what": details,
    }


def _words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
