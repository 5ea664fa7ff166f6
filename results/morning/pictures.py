"""Pictures of the results that need a person, and the reason for each."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image

from db.database import Database
from db.query.order import Order
from db.query.results import find_results
from db.records import Comparison, Condition, Result, ResultFilter
from radiograph.errors import ThoraqError
from results.audited_reads import Reading
from results.sheet import PictureSource, overlay, reference

#: Most pictures of each group, their side in pixels, and the most bytes of one.
URGENT, UNCERTAIN, UNUSUAL = 8, 8, 4
SIDE_PX = 460
MOST_BYTES = 100_000
_QUALITIES = (82, 65, 45, 25, 10)


@dataclass(frozen=True, slots=True)
class Shown:
    """A result with its picture, as a data URI; where there is none, ``lacking`` says why."""

    result: Result
    group: str
    title: str
    name: str
    picture: str | None
    lacking: str = ""

    @property
    def target(self) -> str:
        """Return the id of the picture in the page."""
        return f"radiograph-{self.result.radiograph_id}-{self.result.measurement_id}"


@dataclass(slots=True)
class _Chosen:
    """Results that were chosen; each is shown once, in the first group that has it."""

    ids: set[int] = field(default_factory=set)

    def new(self, found: Iterator[Result], most: int) -> Iterator[Result]:
        count = 0
        for each in found:
            if count < most and each.measurement_id not in self.ids:
                self.ids.add(each.measurement_id)
                count += 1
                yield each


def chosen_results(database: Database, batch: str) -> list[tuple[str, Result]]:
    """Return the results that need a person with their group, the most urgent first.

    ``urgent``: the highest ICT above their threshold; ``uncertain``: the highest expected error;
    ``unusual``: the lowest ICT. Raises BatchUnknown.
    """
    chosen = _Chosen()
    urgent = ResultFilter(batch=batch, enlarged=True, limit=URGENT)
    rated = Condition("expected_error_px224", Comparison.UNEQUAL, None)
    uncertain = ResultFilter(batch=batch, where=(rated,), limit=UNCERTAIN + URGENT)
    measured = Condition("ict", Comparison.UNEQUAL, None)
    unusual = ResultFilter(batch=batch, where=(measured,), limit=UNUSUAL + UNCERTAIN + URGENT)
    groups = (
        ("urgent", urgent, Order("ict", descending=True), URGENT),
        ("uncertain", uncertain, Order("expected_error_px224", descending=True), UNCERTAIN),
        ("unusual", unusual, Order("ict"), UNUSUAL),
    )
    return [
        (name, each)
        for name, wanted, order, most in groups
        for each in chosen.new(find_results(database, wanted, order), most)
    ]


def shown_results(
    chosen: list[tuple[str, Result]], pictures: PictureSource, reading: Reading
) -> list[Shown]:
    """Read the chosen radiographs again and draw on them."""
    found = []
    for group, result in chosen:
        title, name = reference(result, reading.paths)
        reading.rows += 1
        try:
            drawn = overlay(result, pictures, SIDE_PX)
        except ThoraqError as exc:
            lacking = f"[{exc.code}] {exc.remedy()}"
            found.append(Shown(result, group, title, name, None, lacking))
        else:
            found.append(Shown(result, group, title, name, embedded(drawn)))
    return found


def embedded(picture: Image.Image) -> str:
    """Return a picture as a data URI of at most `MOST_BYTES` before encoding."""
    content = b""
    for quality in _QUALITIES:
        stream = BytesIO()
        picture.save(stream, "JPEG", quality=quality, optimize=True)
        content = stream.getvalue()
        if len(content) <= MOST_BYTES:
            break
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
