"""UIDs of what is made of one radiograph: the same again each time, so that sending replaces."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum

from radiograph.marks import marked_uid, uid_of_bytes

#: PS3.5 9.1: numbers without leading zeros, between dots, 64 characters in all.
_UID = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+", re.ASCII)
_LONGEST = 64


class ObjectKind(StrEnum):
    """What is made of a measured radiograph."""

    REPORT = "structured-report"
    PRESENTATION = "presentation-state"
    CAPTURE = "secondary-capture"
    OBSERVATION = "observation"


def is_uid(value: str) -> bool:
    """Tell whether a text is a UID as PS3.5 has it."""
    return len(value) <= _LONGEST and _UID.fullmatch(value) is not None


def object_uid(image: str, model_version: str, kind: ObjectKind, revision: int) -> str:
    """Return the SOP Instance UID of an object.

    ``image``: SOP Instance UID of the radiograph, as the receiver knows it. ``revision``: counts
    corrections of what an object says; without one the object that was sent is meant.
    """
    return marked_uid(_digest(image, model_version, kind, str(revision)))


def series_uid(image: str, model_version: str, kind: ObjectKind) -> str:
    """Return the UID of the series that holds the objects of one kind of one radiograph."""
    return uid_of_bytes(_digest(image, model_version, kind, "series"))


def tracking_uid(image: str, model_version: str, name: str) -> str:
    """Return the UID under which one thing is measured on one radiograph."""
    return uid_of_bytes(_digest(image, model_version, name, "tracking"))


def device_uid(model_version: str, weights_digest: str, code_version: str) -> str:
    """Return the UID of the algorithm as a device."""
    return uid_of_bytes(_digest(model_version, weights_digest, code_version, "device"))


def missing_series_uid(image: str) -> str:
    """Return what stands for the series of a radiograph whose file names none."""
    return uid_of_bytes(_digest(image, "its series"))


def _digest(*parts: str) -> bytes:
    text = "\0".join(("thoraq", *parts))  # no part holds a NUL
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
