"""Records of files measured in this process, without queue or database."""

from __future__ import annotations

from dataclasses import dataclass

from db.records import Provenance
from radiograph.errors import Disposition
from radiograph.records import Header, Measurement


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """A radiograph and its measurement.

    ``path``: absolute. ``sha256``: digest of the file's content; ``pixel_digest``: of its upright
    pixels, None where they were decoded at reduced size.
    """

    path: str
    sha256: str
    pixel_digest: str | None
    header: Header
    measurement: Measurement
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class UnmeasuredFile:
    """A file that was not measured, and why.

    ``code``: the stable error code; ``detail``: what was found, and the remedy.
    ``disposition``: set_aside for a valid file that is not a frontal chest radiograph, else failed.
    ``permanent``: False if a retry may succeed. ``header``: as far as it could be read.
    """

    path: str
    code: str
    detail: str
    disposition: Disposition
    permanent: bool
    header: Header | None = None


@dataclass(frozen=True, slots=True)
class FileCount:
    """How many files have ended, and how."""

    measured: int = 0
    set_aside: int = 0
    failed: int = 0

    @property
    def ended(self) -> int:
        """Return the sum of all counts."""
        return self.measured + self.set_aside + self.failed
