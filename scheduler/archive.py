"""Opening the database with the stored form of paths and the roots from the settings."""

from __future__ import annotations

from collections import Counter

from db.archive import Archive
from db.database import Database
from scheduler.choices import StoredPaths
from scheduler.errors import WrongSetting
from scheduler.path_hash import PathHash
from scheduler.roots import roots_of
from scheduler.settings import Settings


def open_database(settings: Settings) -> Database:
    """Return the database of the settings; it connects with the first transaction.

    Raises DatabaseUrlInvalid, WrongSetting.
    """
    return Database.open(settings.database, archive_of(settings))


def archive_of(settings: Settings) -> Archive:
    """Return the stored form of paths.

    Raises WrongSetting if paths are stored relative and roots lack unique labels.
    """
    roots = roots_of(settings.roots)
    uses = Counter(root.label for root in roots)
    relative = settings.store_paths is StoredPaths.RELATIVE
    if relative and not roots:
        raise WrongSetting("THORAQ_STORE_PATHS: relative needs roots; set THORAQ_ROOTS")
    if relative and (None in uses or max(uses.values()) > 1):
        raise WrongSetting(
            "THORAQ_ROOTS: THORAQ_STORE_PATHS=relative needs a unique label for each root, made of"
            " letters, digits, dots, dashes and underscores; write LABEL=/FOLDER"
        )
    labelled = {
        root.label: str(root.folder)
        for root in roots
        if root.label is not None and uses[root.label] == 1
    }
    hashing = PathHash(settings) if settings.store_paths is StoredPaths.HASHED else None
    return Archive(labelled, relative=relative, hashing=hashing)
