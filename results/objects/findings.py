"""What an object or a resource says of one radiograph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from db.records import Result
from radiograph.measures.values import values_of
from radiograph.records import Header, Measurement


@dataclass(frozen=True, slots=True)
class Prior:
    """What an earlier radiograph of the patient measured, and how this one compares.

    ``difference``: current ICT less the prior one. ``limit``: up to which a difference is within
    the errors of both; None, as ``beyond``, where the two are not to be compared.
    """

    ict: float
    taken_on: date | None = None
    difference: float | None = None
    limit: float | None = None
    beyond: bool | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What is said of one radiograph: the measurement, and by what it was made.

    Points are ``(x, y)`` in source pixels. ``revision`` is 1 until a correction of what was sent.
    """

    sha256: str
    header: Header
    measurement: Measurement
    model_version: str
    weights_digest: str
    code_version: str
    measured_at: datetime
    prior: Prior | None = None
    revision: int = 1

    @classmethod
    def of(cls, result: Result, prior: Prior | None = None, revision: int = 1) -> Self:
        """Return what is to be said of a result.

        Its header is that of the database, in which identifiers may be hashed.
        """
        made = result.provenance
        return cls(
            sha256=result.sha256,
            header=result.header,
            measurement=result.measurement,
            model_version=made.model_version,
            weights_digest=made.weights_digest,
            code_version=made.code_version,
            measured_at=result.measured_at,
            prior=prior,
            revision=revision,
        )

    def value(self, measure: str) -> float | None:
        """Return the value of a measure by its name, None where it was not measured."""
        found: float | None = values_of(self.measurement)[measure]
        return found
