"""The choices of settings."""

from __future__ import annotations

from enum import StrEnum


class ReadAudit(StrEnum):
    """Whether reading identifying data is recorded in the audit log."""

    ON = "on"
    OFF = "off"
    REQUIRED = "required"


class StoredPaths(StrEnum):
    """How the database stores file paths."""

    FULL = "full"
    RELATIVE = "relative"
    HASHED = "hashed"


class PathForm(StrEnum):
    """How file paths are printed and exported."""

    FULL = "full"
    RELATIVE = "relative"
    HASHED = "hashed"
