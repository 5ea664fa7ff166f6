"""Checks of the settings: the file that is read, and how paths are stored."""

from __future__ import annotations

from collections.abc import Iterator

from db import schema
from db.archive import is_hashed, label_of
from db.errors import DatabaseError
from db.stored_paths import newest_texts
from scheduler.archive import archive_of, open_database
from scheduler.checkup.check import Check
from scheduler.choices import StoredPaths
from scheduler.errors import WrongSetting
from scheduler.settings import Settings
from scheduler.settings_origin import find_origin

#: Files that tell how paths are stored at present.
_NEWEST = 1000


def check_settings() -> Check:
    """Check which file of settings is read, and whether every user can read its passwords.

    Raises SettingsUntrusted, SettingsUnreadable, SettingsMissing.
    """
    origin = find_origin()
    if origin.file is None:
        found = "the environment alone; no settings file was found"
    else:
        found = f"{origin.file}"
        if origin.overridden:
            found += f"; the environment decides instead: {', '.join(origin.overridden)}"
    if origin.passed_over:
        found += f"; {Settings.MACHINE_FILE} is not read"
    if origin.exposed:
        found += "; every user of this machine reads its passwords"
        return Check("settings", ok=False, found=found, repair=f"chmod o-rwx {origin.file}")
    return Check("settings", ok=True, found=found)


def check_paths(settings: Settings) -> Iterator[Check]:
    """Compare how the newest files' paths are stored with the settings; no check where they agree.

    Machines that share a database have to store paths alike.
    """
    try:
        archive = archive_of(settings)
    except WrongSetting as exc:
        yield _fault(str(exc), "export THORAQ_ROOTS=LABEL=/FOLDER:LABEL=/FOLDER")
        return
    try:
        if not schema.check(settings.database).up_to_date:
            return
        database = open_database(settings)
        try:
            newest = newest_texts(database, _NEWEST)
        finally:
            database.dispose()
    except DatabaseError:
        return  # the check of the database says why
    if unknown := sorted({label_of(archive.here(each)) or "" for each in newest} - {""}):
        found = f"the newest files are below {', '.join(unknown)}, which THORAQ_ROOTS does not name"
        named = [each for each in (settings.roots or "").split(":") if each]
        roots = ":".join([*named, *(f"{label}=/FOLDER" for label in unknown)])
        yield _fault(found, f"export THORAQ_ROOTS={roots}")
    elif newest and not archive.is_usual(newest[0]):
        other = _form_of(newest[0])
        found = (
            f"the newest file's path is stored otherwise ({other}) than THORAQ_STORE_PATHS says"
            f" here ({settings.store_paths}); set it alike on every machine"
        )
        yield _fault(found, f"export THORAQ_STORE_PATHS={other}")


def _fault(found: str, repair: str) -> Check:
    return Check("paths", ok=False, found=found, repair=repair)


def _form_of(stored: str) -> StoredPaths:
    if is_hashed(stored):
        return StoredPaths.HASHED
    return StoredPaths.RELATIVE if label_of(stored) else StoredPaths.FULL
