"""The database, opened with the form of paths and the roots that the settings give."""

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
    """Take the database of the settings; the first transaction connects.

    Raises DatabaseUrlInvalid, WrongSetting.
    """
    return Database.open(settings.database, archive_of(settings))


def archive_of(settings: Settings) -> Archive:
    """Return how paths are stored.

    Raises WrongSetting: paths are to be relative, and a root has no label, or that of another.
    """
    roots = roots_of(settings.roots)
    uses = Counter(root.label for root in roots)
    relative = settings.store_paths is StoredPaths.RELATIVE
    if relative and not roots:
        raise WrongSetting("THORAQ_STORE_PATHS: relative to no root; set THORAQ_ROOTS")
    if relative and (None in uses or max(uses.values()) > 1):
        raise WrongSetting(
            "THORAQ_ROOTS: each root needs a label of its own for THORAQ_STORE_PATHS=relative, of"
            " letters, digits, dots and dashes; write LABEL=/FOLDER"
        )
    labelled = {
        root.label: str(root.folder)
        for root in roots
        if root.label is not None and uses[root.label] == 1
    }
    hashing = PathHash(settings) if settings.store_paths is StoredPaths.HASHED else None
    return Archive(labelled, relative=relative, hashing=hashing)
