"""Querying a state folder or a database, and submitting files to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import SecretStr

from db.access import check_made
from db.database import Database
from db.intake import open_batch
from db.query.failure_records import Failure
from db.query.failures import find_failures
from db.query.order import Order
from db.query.results import count_results, find_results
from db.query.status import all_statuses, batch_status
from db.records import Batch, BatchStatus, Condition, IntakeCount, Result, ResultFilter
from db.states import Priority
from results.arrow import arrow_table, data_frame
from results.audited_reads import audited, filter_names
from results.columns import result_row
from results.errors import ArgumentInvalid
from results.filters import checked, failure_filter, failure_order, result_filter, result_order
from scheduler.archive import open_database
from scheduler.intake.submission import enqueue
from scheduler.logs import hand_over_logs
from scheduler.names import batch_name, check_batch_name
from scheduler.preparation import prepare
from scheduler.rights import private_files
from scheduler.roots import check_places
from scheduler.settings import Settings, read_settings

if TYPE_CHECKING:
    import pyarrow as pa


def connect(state: str | os.PathLike[str] | None = None) -> Connection:
    """Return a connection to a state folder, or to the database of a URL.

    ``state``: a folder, a ``sqlite:///`` or ``postgresql://`` URL, or None for the settings.
    Nothing is read, created or changed before a method is called.

        >>> import thoraq
        >>> with thoraq.connect("/srv/thoraq") as archive:
        ...     for batch in archive.batches():
        ...         print(batch.measured + batch.set_aside + batch.failed + batch.duplicates)
        40

    Raises DatabaseUrlInvalid, WrongSetting.
    """
    hand_over_logs()
    if isinstance(state, str) and "://" in state:
        settings = read_settings().model_copy(update={"database_url": SecretStr(state)})
    else:
        settings = read_settings(None if state is None else Path(state))
    return Connection(settings)


@dataclass(frozen=True, slots=True)
class Submission:
    """Result of `Connection.submit`: the batch, and the counts of its files."""

    batch: Batch
    count: IntakeCount


class Connection:
    """A connection to a database of thoraq, made by `connect`. Every method raises DatabaseError.

    With a database of another version they raise SchemaOutdated or SchemaNewer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = open_database(settings)

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connections to the database."""
        self._database.dispose()

    def batches(self) -> list[BatchStatus]:
        """Return the ledger of every batch, oldest first."""
        return all_statuses(self._made())

    def status(self, batch: str) -> BatchStatus:
        """Return the ledger of one batch. Raises BatchUnknown.

        >>> import thoraq
        >>> with thoraq.connect("/srv/thoraq") as archive:
        ...     name = archive.batches()[0].batch.name
        ...     archive.status(name).open
        0
        """
        return batch_status(self._made(), batch)

    def results(
        self,
        *,
        batch: str | None = None,
        bucket: str | None = None,
        ict_above: float | None = None,
        ict_below: float | None = None,
        enlarged: bool | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        study_from: date | str | None = None,
        study_to: date | str | None = None,
        patient: str | None = None,
        study: str | None = None,
        model: str | None = None,
        where: str | Condition | Sequence[str | Condition] = (),
        limit: int | None = None,
        sort: str | None = None,
    ) -> Results:
        """Return the measurements that match the filters, which are those of `thoraq results`.

        ``since``, ``until``: measured at or after, and before; ``study_from``, ``study_to``: first
        and last StudyDate. All are dates, times or ISO texts. ``where``: conditions on columns.
        ``sort``: a column, followed by ``:desc`` for descending order. Reading is recorded in the
        audit log, and paths have the form from the settings.

            >>> import thoraq
            >>> with thoraq.connect("/srv/thoraq") as archive:
            ...     adults = archive.results(where=["age_years>=18", "view=PA"], limit=3)
            ...     for result in adults:
            ...         print(result.header.view, result.measurement.ict.value > 0.3)
            ...     adults.to_arrow().num_rows
            PA True
            PA True
            PA True
            3

        Raises BatchUnknown, ModelUnknown, StudyUnknown, ArgumentInvalid before the first record.
        """
        wanted = result_filter(
            self._settings,
            batch=batch,
            bucket=bucket,
            ict_above=ict_above,
            ict_below=ict_below,
            enlarged=enlarged,
            since=since,
            until=until,
            study_from=study_from,
            study_to=study_to,
            patient=patient,
            study=study,
            model=model,
            where=where,
            limit=limit,
        )
        order = result_order(sort)
        return Results(self._made(), self._settings, wanted, order)

    def failures(
        self,
        batch: str | None = None,
        *,
        codes: str | Sequence[str] = (),
        path: str | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        failed: bool | None = None,
        limit: int | None = None,
        sort: str | None = None,
    ) -> Iterator[Failure]:
        """Return files that failed or were set aside, newest first, as `thoraq failures` does.

        ``failed``: True for failed files only, False for files set aside only.

            >>> import thoraq
            >>> with thoraq.connect("/srv/thoraq") as archive:
            ...     {each.code for each in archive.failures(failed=False)} >= {"lateral-view"}
            True

        Raises BatchUnknown, ArgumentInvalid before the first record.
        """
        wanted = failure_filter(
            batch=batch,
            codes=codes,
            path=path,
            since=since,
            until=until,
            failed=failed,
            limit=limit,
        )
        found = find_failures(self._made(), wanted, failure_order(sort))
        used = {
            "codes": wanted.codes,
            "path": path,
            "since": since,
            "until": until,
            "failed": failed,
        }
        filters = [name for name, value in used.items() if value is not None]
        return self._read_failures(found, batch, filters)

    def _read_failures(
        self, found: Iterator[Failure], batch: str | None, filters: Sequence[str]
    ) -> Iterator[Failure]:
        with audited(
            self._database, self._settings, "thoraq.failures", batch=batch, filters=filters
        ) as reading:
            yield from reading.records(found)

    def submit(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        batch: str | None = None,
        priority: Priority | str = Priority.ROUTINE,
        model: str | None = None,
        progress: Callable[[IntakeCount], None] | None = None,
    ) -> Submission:
        """Queue files and folders for running workers, as `thoraq submit` does.

        Creates the database if it does not exist. ``batch``: its name; None: from the paths.

            >>> import thoraq
            >>> with thoraq.connect("/srv/elsewhere") as archive:
            ...     archive.submit("/srv/archive", batch="tonight").count.seen
            40

        Raises PlaceMissing, PlaceForbidden, ModelUnknown, ArgumentInvalid.
        """
        several = [paths] if isinstance(paths, str | os.PathLike) else paths
        checked_paths = check_places(tuple(Path(each) for each in several))
        if not checked_paths:
            raise ArgumentInvalid("paths: give at least one file or folder")
        urgency = checked("priority", Priority, priority)
        name = (
            batch_name(checked_paths, model)
            if batch is None
            else checked("batch", check_batch_name, batch)
        )
        with private_files(self._settings):
            prepare(self._settings, model).dispose()
            into = open_batch(self._database, name, urgency)
            count = enqueue(
                self._database, checked_paths, into, self._settings, model=model, progress=progress
            )
        return Submission(into, count)

    def _made(self) -> Database:
        """Return the database for reading. Raises DatabaseAway if it does not exist yet."""
        check_made(self._settings.database)
        return self._database


class Results:
    """Selected measurements, as an iterator of records or as a table.

    Each use queries the database again. Records are streamed; a table is in memory as a whole.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        wanted: ResultFilter,
        order: Order | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._wanted = wanted
        self._order = order
        find_results(database, wanted, order)  # raises for unknown names at once

    def __iter__(self) -> Iterator[Result]:
        """Yield the records in the order of measurement, or of ``sort``.

        Raises ReadUnaudited.
        """
        with audited(
            self._database,
            self._settings,
            "thoraq.results",
            batch=self._wanted.batch,
            filters=filter_names(self._wanted),
        ) as reading:
            yield from reading.records(find_results(self._database, self._wanted, self._order))

    def count(self) -> int:
        """Return the number of measurements."""
        return count_results(self._database, self._wanted)

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table with the columns of `thoraq export --dictionary`."""
        return arrow_table(result_row(each) for each in self)

    def to_pandas(self) -> Any:
        """Return a DataFrame with the same columns. Raises PandasMissing."""
        return data_frame(result_row(each) for each in self)
