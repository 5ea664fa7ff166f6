"""Recomputing values derived from stored figures, header and settings: ICT rule, line, bucket.

`radiograph.measures.ict` judges each row; rows of a piece with the same outcome are updated by one
statement. Measures that results lack are computed from their stored points and filled in as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from db.audit import Action, amend, note
from db.bulk import is_one_of, is_postgres
from db.database import AnyRow, Database, moment
from db.derivation_records import NAMED, Crossed, RecomputeCount
from db.gaps import LACKING, fill, measured_again
from db.query.filters import filtered
from db.records import ResultFilter
from db.tables import measurement, radiograph
from db.tally import enter, fold
from radiograph.measures.ict import Judgement, judge
from radiograph.measures.quality import bucket
from radiograph.records import Bucket, BucketBasis, IctRule, IctThresholds

#: Results per transaction: written within a tenth of a second, so that nobody waits for long.
PIECE = 1000
#: Pieces between foldings of their tally entries: with many batches there are thousands of kinds of
#: entries, and each folding goes through all of them.
_FOLD_EVERY = 32

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
    LACKING.label("lacking"),
).join_from(measurement, radiograph, radiograph.c.id == measurement.c.radiograph_id)


class _Derived(NamedTuple):
    # Named as the columns: the measures that depend on settings.
    ict_rule: IctRule
    ict_threshold: float | None
    enlarged: bool | None
    bucket: Bucket

    @property
    def judged(self) -> Judgement:
        return Judgement(*self[:3])

    @property
    def above(self) -> bool:
        return self.enlarged is True


class _Change(NamedTuple):
    id: int
    radiograph_id: int
    ict: float | None
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
    """Recompute what is derived of ``wanted`` results by ``lines``; yield the counts per piece.

    Measures that they lack are filled in. Each piece is a separate transaction, in the order of
    ids, and rows that are up to date are left alone: after an interruption the same call goes on.
    The first piece also writes the audit log's entry. A bucket that is based on the truth is kept.
    ``dry_run``: only count what would change.
    Raises BatchUnknown, ModelUnknown, StudyUnknown.
    """
    after, left = 0, wanted.limit
    noted = None
    written = 0
    whole = RecomputeCount()
    settings = _line_settings(lines)
    while left is None or left > 0:
        most = piece if left is None else min(piece, left)
        # Read outside the writing transaction, so that other writers do not wait meanwhile.
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
        lacking = [row.id for row in rows if row.lacking]
        if noted is not None and (changes or lacking):
            with db.read() as connection:
                measures = measured_again(connection, lacking)
            with db.write() as connection:
                # All rows to be written are locked together, in the order of ids.
                ids = sorted({each.id for each in changes}.union(lacking))
                changes = _write(connection, ids, lines)
                filled = fill(connection, measures)
                count = _counted(connection, rows, changes, filled)
                amend(connection, noted, **settings, **_audit_fields(whole + count))
            written += 1
            if written % _FOLD_EVERY == 0:
                fold(db)
        else:
            with db.read() as connection:
                count = _counted(connection, rows, changes, len(lacking))
        whole += count
        yield count
    if noted is not None:
        with db.write() as connection:
            amend(connection, noted, **settings, **_audit_fields(whole))
        if written:
            fold(db)


def _rows(db: Database, wanted: ResultFilter, after: int, most: int) -> Sequence[AnyRow]:
    with db.read() as connection:
        following = _FIGURES.where(measurement.c.id > after).order_by(measurement.c.id).limit(most)
        return connection.execute(filtered(connection, following, wanted)).all()


def _changes(rows: Sequence[AnyRow], lines: IctThresholds) -> list[_Change]:
    changes = []
    # Unpacked, since access by name costs more than judging the row.
    for id_, radiograph_id, ict, rule, threshold, enlarged, error, was, basis, view, age, _ in rows:
        judged = judge(ict, view, age, lines)
        kept = was if basis is BucketBasis.TRUE else bucket(error)
        if (rule, threshold, enlarged) == judged and was is kept:
            continue
        before = _Derived(rule, threshold, enlarged, was)
        changes.append(_Change(id_, radiograph_id, ict, before, _Derived(*judged, kept)))
    return changes


def _write(connection: Connection, ids: Sequence[int], lines: IctThresholds) -> list[_Change]:
    """Lock results, update those still outdated and the tally; return the changes."""
    these = is_one_of(connection, measurement.c.id, ids)
    if is_postgres(connection):
        # Headers first, in the order of their ids, as workers lock them: the tally's group of a
        # result must not change between its two entries.
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
    changed = [each.id for each in changes]
    enter(connection, changed, -1)
    for columns, alike in _alike(changes):
        connection.execute(
            update(measurement)
            .where(is_one_of(connection, measurement.c.id, alike))
            .values(columns)
        )
    enter(connection, changed, 1)
    return changes


def _alike(changes: Sequence[_Change]) -> Iterator[tuple[Mapping[str, Any], list[int]]]:
    """Yield new column values, and the ids of the rows that get them."""
    groups: defaultdict[tuple[_Derived, bool], list[int]] = defaultdict(list)
    for each in changes:
        groups[each.after, each.before.bucket is each.after.bucket].append(each.id)
    for (after, same_bucket), ids in groups.items():
        columns = after._asdict()
        if same_bucket:
            del columns["bucket"]  # spares an update of its index
        yield columns, ids


def _counted(
    connection: Connection, rows: Sequence[AnyRow], changes: Sequence[_Change], filled: int
) -> RecomputeCount:
    both = [(each.before.enlarged, each.after.enlarged) for each in changes]
    crossed = [each for each in changes if each.before.above != each.after.above]
    now_above = sum(each.after.above for each in crossed)
    return RecomputeCount(
        results=len(rows),
        changed=len(changes),
        filled=filled,
        now_above=now_above,
        no_longer_above=len(crossed) - now_above,
        newly_compared=sum(old is None and new is not None for old, new in both),
        no_longer_compared=sum(old is not None and new is None for old, new in both),
        buckets=sum(each.before.bucket is not each.after.bucket for each in changes),
        labelled=sum(row.bucket_basis is BucketBasis.TRUE for row in rows),
        crossed=_crossings(connection, crossed[:NAMED]),
    )


def _crossings(connection: Connection, changes: Sequence[_Change]) -> tuple[Crossed, ...]:
    if not changes:
        return ()
    ids = [each.radiograph_id for each in changes]
    asked = select(radiograph.c.id, radiograph.c.path).where(radiograph.c.id.in_(ids))
    paths = {row.id: row.path for row in connection.execute(asked)}
    return tuple(
        Crossed(
            radiograph_id=each.radiograph_id,
            path=paths[each.radiograph_id],
            ict=each.ict,
            before=each.before.judged,
            after=each.after.judged,
        )
        for each in changes
    )


def _line_settings(lines: IctThresholds) -> dict[str, object]:
    """Return the settings that results now follow, for the audit log."""
    return {name: value for name, value in asdict(lines).items() if name != "adult_from_years"}


def _audit_fields(count: RecomputeCount) -> dict[str, object]:
    return {name: value for name, value in asdict(count).items() if name != "crossed"}
