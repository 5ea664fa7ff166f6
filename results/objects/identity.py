"""Whose radiograph an object says it is of: a choice of each destination."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from radiograph.marks import uid_of_bytes
from scheduler.keys import key_of
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings

#: Characters of VR SH.
_SHORT = 16


class IdentityLevel(StrEnum):
    """How much of a patient's identity leaves."""

    AS_IN_FILE = "as-in-file"  # what files an object in its image's study
    HASHED = "hashed"  # the same patient and study have the same hashes
    NONE = "none"  # nothing links two radiographs


@dataclass(frozen=True, slots=True)
class Identity:
    """A level, with the key of its hashes.

    The key is that of patients' numbers in the database, so that the hash of a patient is the one
    that `thoraq results` prints.
    """

    level: IdentityLevel = IdentityLevel.AS_IN_FILE
    key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse to hash without a key. Raises ValueError."""
        if not self.in_full and not self.key:
            raise ValueError(f"{self.level} takes a key")

    @classmethod
    def of(cls, level: IdentityLevel, settings: Settings) -> Identity:
        """Return a level with the key of this installation. Raises KeyUnusable."""
        if level is IdentityLevel.AS_IN_FILE:
            return cls()
        return cls(level, key_of(settings.patient_key, settings.state / "patient.key"))

    @property
    def in_full(self) -> bool:
        """Whether everything leaves as the file has it."""
        return self.level is IdentityLevel.AS_IN_FILE

    def patient(self, number: str | None) -> str:
        """Return the number of a patient; empty where there is none, or it must not leave."""
        if number is None or self.level is IdentityLevel.NONE:
            return ""
        return number if self.in_full else Pseudonyms(self.key).hashed(number)

    def accession(self, number: str | None) -> str:
        """Return an accession number; the beginning of its hash, as VR SH has no room for all."""
        return (number or "") if self.in_full else self.patient(number)[:_SHORT]

    def uid(self, uid: str) -> str:
        """Return a UID; hashed, the same one again each time."""
        if self.in_full:
            return uid
        return uid_of_bytes(
            hashlib.blake2b(
                uid.encode("utf-8", "surrogateescape"),
                key=self.key or b"",
                digest_size=16,
                person=b"thoraq-uid",
            ).digest()
        )

    def study_uid(self, study: str, image: str) -> str:
        """Return the UID of a study: without identity each image has a study of its own."""
        return self.uid(f"study of {image}" if self.level is IdentityLevel.NONE else study)

    def series_uid(self, series: str, image: str) -> str:
        """Return the UID of a series, likewise."""
        return self.uid(f"series of {image}" if self.level is IdentityLevel.NONE else series)
