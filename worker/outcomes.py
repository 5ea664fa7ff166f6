"""Storing outcomes so that a file whose values the database refuses costs itself alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from db.errors import DatabaseRefused
from db.records import Outcome, Refusal
from radiograph.errors import Unrecordable

Store = Callable[[Sequence[Outcome]], int]


def store_apart(outcomes: Sequence[Outcome], store: Store) -> int:
    """Store outcomes by ``store``, by halves where it refuses them; return how many were ours.

    What is refused alone is stored as a refusal, without what the file says of itself.
    Raises DatabaseError.
    """
    try:
        return store(outcomes)
    except DatabaseRefused:
        if len(outcomes) > 1:
            half = len(outcomes) // 2
            return store_apart(outcomes[:half], store) + store_apart(outcomes[half:], store)
        refusal = Refusal.of(Unrecordable())
        return store([Outcome(outcomes[0].job_id, refusal=refusal)])
