"""Storing outcomes so that values the database refuses fail only their own file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from db.errors import DatabaseRefused
from db.records import Outcome, Refusal
from radiograph.errors import Unrecordable

Store = Callable[[Sequence[Outcome]], int]


def store_apart(outcomes: Sequence[Outcome], store: Store) -> int:
    """Store outcomes by ``store``, in halves if it refuses them; return how many were still held.

    An outcome that is refused on its own is stored as a refusal without the file's header.
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
