"""Kinds of findings about a data set, each with its location and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """Kind of a finding, with its ``remedy``; ``stops``: training refuses such data."""

    remedy: str
    stops: bool

    ROW_MALFORMED = "row-malformed", "correct the row of the table, or take it out", True
    ROW_REPEATED = "row-repeated", "keep one row an image", True
    IMAGE_MISSING = "image-missing", "bring the image to its place, or take the row out", True
    IMAGE_OUTSIDE = "image-outside", "bring the image into its data set's folder itself", True
    IMAGE_AMBIGUOUS = "image-ambiguous", "keep one of the images of this name", True
    IMAGE_UNREADABLE = "image-unreadable", "export the image again, or take the row out", True
    IMAGE_POOR = "image-poor", "export it again at its full depth, or take the row out", False
    IMAGE_WITHOUT_ROW = "image-without-row", "annotate it; until then it is not used", False
    POINT_MISSING = "point-missing", "annotate the point; the radiograph counts only in part", False
    POINT_OUTSIDE = "point-outside", "correct the point: it is off the image", False
    SIDES_SWAPPED = "sides-swapped", "exchange the points: image left comes first", False
    MASK_MISSING = (
        "mask-missing",
        "draw the outline; until then none of the radiograph's is used",
        False,
    )
    MASK_MISFIT = "mask-misfit", "draw the outline again, or correct the callipers", False
    INDEX_MISFIT = "index-misfit", "correct the index or the callipers: they disagree", False
    DUPLICATE = "duplicate", "keep one: the radiograph counts twice", False
    DUPLICATE_ACROSS_SPLITS = (
        "duplicate-across-splits",
        "keep one: a network is evaluated on what it was fitted to",
        False,
    )

    def __new__(cls, value: str, remedy: str, stops: bool) -> Self:
        """Return a member with its remedy and whether it stops training."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.remedy = remedy
        member.stops = stops
        return member


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: kind, data set, image, location and detail."""

    kind: Kind
    source: str
    split: str | None
    image: str | None
    place: str | None
    detail: str

    @property
    def row(self) -> dict[str, str | None]:
        """Return the finding as a row of JSON or CSV."""
        return {
            "kind": str(self.kind),
            "source": self.source,
            "split": self.split,
            "image": self.image,
            "place": self.place,
            "detail": self.detail,
            "remedy": self.kind.remedy,
        }
