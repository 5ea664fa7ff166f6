"""What settings choose between."""

from __future__ import annotations

from enum import StrEnum


class ReadAudit(StrEnum):
    """Whether reading what identifies patients is in the audit."""

    ON = "on"
    OFF = "off"
    REQUIRED = "required"


class StoredPaths(StrEnum):
    """How the database holds file paths."""

    FULL = "full"
    RELATIVE = "relative"
    HASHED = "hashed"


class PathForm(StrEnum):
    """How file paths are printed and exported."""

    FULL = "full"
    RELATIVE = "relative"
    HASHED = "hashed"
