"""Whether machines agree on how paths are stored, as far as the newest files show it."""

from __future__ import annotations

from dataclasses import dataclass

from db import schema
from db.archive import is_hashed, label_of
from db.errors import DatabaseError
from db.stored_paths import newest_texts
from scheduler.archive import archive_of, open_database
from scheduler.choices import StoredPaths
from scheduler.errors import WrongSetting
from scheduler.settings import Settings

_NEWEST = 1000


@dataclass(frozen=True, slots=True)
class PathsFault:
    """What was found, and what to set."""

    found: str
    repair: str


def paths_fault(settings: Settings) -> PathsFault | None:
    """Look at the newest files; None: their paths are as this machine would store them."""
    try:
        archive = archive_of(settings)
    except WrongSetting as exc:
        return PathsFault(str(exc), "export THORAQ_ROOTS=LABEL=/FOLDER:LABEL=/FOLDER")
    try:
        if not schema.check(settings.database).up_to_date:
            return None
        database = open_database(settings)
        try:
            newest = newest_texts(database, _NEWEST)
        finally:
            database.dispose()
    except DatabaseError:
        return None  # the database's check says why
    if unknown := sorted({label_of(archive.here(each)) or "" for each in newest} - {""}):
        found = f"the newest files are below {', '.join(unknown)}, which THORAQ_ROOTS does not name"
        named = [each for each in (settings.roots or "").split(":") if each]
        roots = ":".join([*named, *(f"{label}=/FOLDER" for label in unknown)])
        return PathsFault(found, f"export THORAQ_ROOTS={roots}")
    if newest and not archive.is_usual(newest[0]):
        other = _form_of(newest[0])
        found = (
            f"the newest file's path is stored otherwise ({other}) than THORAQ_STORE_PATHS says"
            f" here ({settings.store_paths}); set it alike on every machine"
        )
        return PathsFault(found, f"export THORAQ_STORE_PATHS={other}")
    return None


def _form_of(stored: str) -> StoredPaths:
    if is_hashed(stored):
        return StoredPaths.HASHED
    return StoredPaths.RELATIVE if label_of(stored) else StoredPaths.FULL
