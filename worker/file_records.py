"""Records of files that were measured in this process, without queue or database."""

from __future__ import annotations

from dataclasses import dataclass

from db.records import Provenance
from radiograph.errors import Disposition
from radiograph.records import Header, Measurement


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """One radiograph and what was measured on it.

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
    """One file that was not measured, and why.

    ``code``: stable, as the database holds it; ``detail``: what was found, and the remedy.
    ``disposition``: set_aside for a sound file that is no frontal chest radiograph, else failed.
    ``permanent``: False where another try may succeed. ``header``: what could be read of it.
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
        """All of them."""
        return self.measured + self.set_aside + self.failed
