"""What follows from stored figures, header and settings: ICT rule and line, enlarged, bucket.

The rule itself is that of `radiograph.ict`, row by row; what it gives is written in one statement
for all rows of a piece that it gives the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from db.audit import Action, amend, note
from db.bulk import among, at_once
from db.database import AnyRow, Database, moment
from db.derivation_records import NAMED, Crossed, RecomputeCount
from db.filters import filtered
from db.records import ResultFilter
from db.tables import measurement, radiograph
from db.tally import enter, fold_within
from radiograph.ict import Judgement, judge
from radiograph.quality import bucket
from radiograph.records import Bucket, BucketBasis, IctThresholds

#: Results of one transaction: written within a tenth of a second, so that nobody waits for long.
PIECE = 1000

_FIGURES = select(
    measurement.c.id,
    measurement.c.radiograph_id,
    measurement.c.ict,
    measurement.c.ict_rule,
    measurement.c.ict_threshold,
    measurement.c.enlarged,
    measurement.c.expected_error_px224,
    measurement.c.bucket,
    measurement.c.bucket_basis,
    radiograph.c.view,
    radiograph.c.age_years,
).join_from(measurement, radiograph, radiograph.c.id == measurement.c.radiograph_id)


class _Derived(NamedTuple):
    judged: Judgement
    bucket: Bucket

    def columns(self, before: _Derived) -> dict[str, Any]:
        """Return the columns that were not so before; each has its indexes."""
        columns: dict[str, Any] = {}
        if self.judged != before.judged:
            rule, threshold, enlarged = self.judged
            columns |= {"ict_rule": rule, "ict_threshold": threshold, "enlarged": enlarged}
        if self.bucket is not before.bucket:
            columns["bucket"] = self.bucket
        return columns


class _Change(NamedTuple):
    row: AnyRow
    before: _Derived
    after: _Derived


def recompute(
    db: Database,
    wanted: ResultFilter,
    lines: IctThresholds,
    *,
    dry_run: bool = False,
    piece: int = PIECE,
    now: datetime | None = None,
) -> Iterator[RecomputeCount]:
    """Have what is derived of ``wanted`` results follow from ``lines``; tell of each piece.

    Each piece is a transaction of its own, in the order of ids, and what follows already is left
    alone: ended anywhere, the same call goes on. The first changes the audit's row with it. Where
    a bucket rests on the truth it is kept. ``dry_run``: only tell what would change.
    Raises BatchUnknown, ModelUnknown, StudyUnknown.
    """
    after, left = 0, wanted.limit
    noted = None
    whole = RecomputeCount()
    settings = _audited(lines)
    while left is None or left > 0:
        most = piece if left is None else min(piece, left)
        # Read outside of a write: nobody waits while rows are looked at, and others have a turn.
        rows = _rows(db, wanted, after, most)
        if not rows:
            break
        after = rows[-1].id
        left = None if left is None else left - len(rows)
        if noted is None and not dry_run:
            with db.write() as connection:
                noted = note(
                    connection, Action.RECOMPUTE, wanted.batch, moment(connection, now), **settings
                )
        changes = _changes(rows, lines)
        if noted is not None and changes:
            with db.write() as connection:
                changes = _write(connection, [each.row.id for each in changes], lines)
                count = _counted(connection, rows, changes)
                amend(connection, noted, **settings, **_said(whole + count))
        else:
            with db.read() as connection:
                count = _counted(connection, rows, changes)
        whole += count
        yield count
    if noted is not None:
        with db.write() as connection:
            amend(connection, noted, **settings, **_said(whole))


def _rows(db: Database, wanted: ResultFilter, after: int, most: int) -> Sequence[AnyRow]:
    with db.read() as connection:
        following = _FIGURES.where(measurement.c.id > after).order_by(measurement.c.id).limit(most)
        return connection.execute(filtered(connection, following, wanted)).all()


def _changes(rows: Sequence[AnyRow], lines: IctThresholds) -> list[_Change]:
    changes = []
    for row in rows:
        judged = Judgement(row.ict_rule, row.ict_threshold, row.enlarged)
        before = _Derived(judged, row.bucket)
        after = _Derived(
            judge(row.ict, row.view, row.age_years, lines),
            row.bucket
            if row.bucket_basis is BucketBasis.TRUE
            else bucket(row.expected_error_px224),
        )
        if after != before:
            changes.append(_Change(row, before, after))
    return changes


def _write(connection: Connection, ids: Sequence[int], lines: IctThresholds) -> list[_Change]:
    """Change what still has to be, and the tally with it; return what was changed."""
    these = among(connection, measurement.c.id, ids)
    if at_once(connection):
        # Headers first and in the order of their ids, as a worker locks them: what the tally counts
        # a result as must not change between its two entries.
        headers = select(measurement.c.radiograph_id).where(these)
        connection.execute(
            select(radiograph.c.id)
            .where(radiograph.c.id.in_(headers))
            .order_by(radiograph.c.id)
            .with_for_update(read=True)
        )
        connection.execute(
            select(measurement.c.id).where(these).order_by(measurement.c.id).with_for_update()
        )
    changes = _changes(
        connection.execute(_FIGURES.where(these).order_by(measurement.c.id)).all(), lines
    )
    changed = [each.row.id for each in changes]
    enter(connection, changed, -1)
    for columns, alike in _alike(changes):
        connection.execute(
            update(measurement).where(among(connection, measurement.c.id, alike)).values(columns)
        )
    enter(connection, changed, 1)
    fold_within(connection)
    return changes


def _alike(changes: Sequence[_Change]) -> Iterator[tuple[Mapping[str, Any], list[int]]]:
    """Yield the columns that rows are given, and the ids of all that are given the same."""
    groups: defaultdict[tuple[tuple[str, Any], ...], list[int]] = defaultdict(list)
    for row, before, after in changes:
        groups[tuple(after.columns(before).items())].append(row.id)
    for columns, ids in groups.items():
        yield dict(columns), ids


def _counted(
    connection: Connection, rows: Sequence[AnyRow], changes: Sequence[_Change]
) -> RecomputeCount:
    both = [(each.before.judged.enlarged, each.after.judged.enlarged) for each in changes]
    crossed = [
        each
        for each, (old, new) in zip(changes, both, strict=True)
        if (old is True) != (new is True)
    ]
    return RecomputeCount(
        results=len(rows),
        changed=len(changes),
        now_above=sum(new is True and old is not True for old, new in both),
        no_longer_above=sum(old is True and new is not True for old, new in both),
        newly_compared=sum(old is None and new is not None for old, new in both),
        no_longer_compared=sum(old is not None and new is None for old, new in both),
        buckets=sum(each.before.bucket is not each.after.bucket for each in changes),
        labelled=sum(row.bucket_basis is BucketBasis.TRUE for row in rows),
        crossed=_named(connection, crossed[:NAMED]),
    )


def _named(connection: Connection, changes: Sequence[_Change]) -> tuple[Crossed, ...]:
    if not changes:
        return ()
    ids = [each.row.radiograph_id for each in changes]
    asked = select(radiograph.c.id, radiograph.c.path).where(radiograph.c.id.in_(ids))
    paths = {row.id: row.path for row in connection.execute(asked)}
    return tuple(
        Crossed(
            radiograph_id=row.radiograph_id,
            path=paths[row.radiograph_id],
            ict=row.ict,
            before=before.judged,
            after=after.judged,
        )
        for row, before, after in changes
    )


def _audited(lines: IctThresholds) -> dict[str, object]:
    """Return the settings that results follow from now, as the audit tells them."""
    return {name: value for name, value in asdict(lines).items() if name != "adult_from_years"}


def _said(count: RecomputeCount) -> dict[str, object]:
    return {name: value for name, value in asdict(count).items() if name != "crossed"}
