"""Options that several commands share."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import click

from cli.output.printing import say
from db.batches import full_name
from db.database import Database
from db.errors import BatchAmbiguous, DatabaseError
from db.query.conditions import parse_condition
from db.records import Condition
from db.states import Priority
from radiograph.records import Bucket
from results.filters import MOST, result_filter
from scheduler.archive import open_database
from scheduler.checkup.remedy import upgrade_in_state
from scheduler.logs import configure_logs
from scheduler.names import check_batch_name
from scheduler.rights import private_files
from scheduler.roots import check_places
from scheduler.settings import Settings, read_settings

Command = TypeVar("Command", bound=Callable[..., object])


#: The largest value of a factor.
MOST_TIMES = 1000


class Paths(click.Path):
    """A path that need not be UTF-8 and is not resolved."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if value == "":
            # pathlib takes it as the working directory; usually it is an unset shell variable.
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


class Count(click.IntRange):
    """A whole number that every database can hold."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        number: int = super().convert(value, param, ctx)
        if number > MOST:
            self.fail(f"{number} is more than {MOST}", param, ctx)
        return number


class Number(click.types.FloatParamType):
    """A finite number."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class Factor(click.FloatRange):
    """A factor above zero."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if not number <= MOST_TIMES:
            self.fail(f"{value!r} is not between 0 and {MOST_TIMES}", param, ctx)
        return number


class Moment(click.ParamType[datetime]):
    """An ISO date or time; without an offset it is local. Converted to an aware UTC time."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the time; a date is its midnight."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):  # year 1 or 9999 may overflow in UTC
            self.fail(f"{value!r} is not an ISO date or time, such as 2026-03-01", param, ctx)


class BatchName(click.ParamType[str]):
    """A valid batch name; the batch may not exist yet."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        try:
            return check_batch_name(str(value))
        except ValueError as exc:
            self.fail(str(exc), param, ctx)


class Where(click.ParamType[Condition]):
    """A condition on a column of the results, such as ``age_years<18``."""

    name = "condition"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Condition:
        """Return the condition."""
        if isinstance(value, Condition):
            return value
        try:
            return parse_condition(value)
        except ValueError as exc:
            self.fail(str(exc), param, ctx)


class Day(click.ParamType[date]):
    """An ISO date."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the date."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not an ISO date, such as 2026-03-01", param, ctx)


class Given(str):
    """A batch as given on the command line: its name, or the beginning of its name."""

    __slots__ = ()


class GivenPerhaps(Given):
    """The same, for commands that also work if the database is unavailable or lacks the batch."""

    __slots__ = ()


class KnownBatch(click.ParamType[str]):
    """An existing batch; `settings_option` passes its full name to the command.

    ``perhaps``: if the database is unavailable or lacks it, the name is passed as given.
    """

    name = "text"

    def __init__(self, *, perhaps: bool = False) -> None:
        self._kind = GivenPerhaps if perhaps else Given

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as given."""
        del param, ctx
        return self._kind(value)


def full_names(settings: Settings, arguments: dict[str, Any]) -> dict[str, str]:
    """Return the full names of the batches in ``arguments``; print those that were abbreviated.

    Raises BatchUnknown, BatchAmbiguous.
    """
    given = {name: value for name, value in arguments.items() if isinstance(value, Given)}
    if not given:
        return {}
    database = open_database(settings)
    try:
        found = {name: _full_name(database, value) for name, value in given.items()}
    finally:
        database.dispose()
    for name, full in found.items():
        if full != given[name]:
            say(f"batch {full}", err=True)
    return found


def _full_name(database: Database, given: Given) -> str:
    try:
        return full_name(database, str(given))
    except BatchAmbiguous:
        raise
    except DatabaseError:
        if not isinstance(given, GivenPerhaps):
            raise
        return str(given)


class Choice(click.Choice[Any]):
    """A choice whose error suggests a similar value."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Return click's message with a suggestion."""
        message = super().get_invalid_choice_message(value, ctx)
        return message + did_you_mean(str(value), [str(each) for each in self.choices])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question that suggests a similar known word, or an empty string."""
    alike = get_close_matches(word.lower(), list(known), 1)
    return f" Did you mean {alike[0]}?" if alike else ""


def settings_option(command: Command) -> Callable[..., object]:
    """Add ``--state DIR`` to a command, and pass it ``settings``."""

    @click.option(
        "--state",
        type=Paths(file_okay=False),
        metavar="DIR",
        help="state folder: embedded database and broker, logs [setting: THORAQ_STATE]",
    )
    @functools.wraps(command)
    def with_settings(*args: Any, state: Path | None, **kwargs: Any) -> object:
        configure_logs(level=logging.WARNING)  # to standard error, as lines of JSON
        settings = read_settings(state)
        with private_files(settings), upgrade_in_state(settings):
            return command(*args, settings=settings, **kwargs | full_names(settings, kwargs))

    # Click applies decorators from the bottom up; list this option last in the help.
    listed = with_settings.__click_params__  # type: ignore[attr-defined]
    listed.insert(0, listed.pop())
    return with_settings


paths_argument = click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=Paths(),
    callback=lambda _ctx, _param, paths: check_places(paths),
)


def new_batch_option(default: str) -> Callable[[Command], Command]:
    """Return ``--batch`` of a command that queues files. ``default``: where its name is from."""
    return click.option(
        "--batch", type=BatchName(), help=f"name of the batch [default: from the {default}]"
    )


def either_batch(command: Command) -> Callable[..., object]:
    """Give a command ``[BATCH]`` and ``--batch``, which mean the same, and its body ``batch``."""

    @click.argument("batch", type=KnownBatch(), required=False)
    @click.option("--batch", "named", type=KnownBatch(), help="the same as BATCH")
    @functools.wraps(command)
    def with_batch(*args: Any, batch: str | None, named: str | None, **kwargs: Any) -> object:
        if batch is not None and named is not None:
            raise click.UsageError("name the batch once")
        return command(*args, batch=batch or named, **kwargs)

    return with_batch


def codes_option(of: str = "") -> Callable[[Command], Command]:
    """Return ``--code``, which a command's body gets as ``codes``. ``of``: the end of its help."""
    return click.option(
        "--code",
        "codes",
        multiple=True,
        metavar="CODE",
        help=f"only what ended with this code{of}; may be repeated",
    )


priority_option = click.option(
    "--priority",
    type=click.Choice(Priority, case_sensitive=False),
    default=Priority.ROUTINE,
    show_default=True,
    help="urgent files overtake routine files within one chunk",
)


model_option = click.option(
    "--model",
    help="version of the network, from `models list` [default: the served one]",
)


def filter_options(command: Command) -> Callable[..., object]:
    """Add the filters of results to a command that takes ``settings``; pass it ``wanted``."""
    return filters_named("--model")(command)


def filters_named(model: str) -> Callable[[Command], Callable[..., object]]:
    """Return `filter_options` with another name for the option that selects the network."""
    return functools.partial(with_filters, model=model)


def with_filters(command: Command, *, model: str) -> Callable[..., object]:
    """Add the filters to a command; ``model`` names the option that selects the network."""

    @click.option("--bucket", type=Choice([str(each) for each in Bucket]))
    @click.option("--ict-above", type=Number(), help="cardiothoracic index above this value")
    @click.option("--ict-below", type=Number(), help="cardiothoracic index below this value")
    @click.option(
        "--enlarged/--not-enlarged", default=None, help="above the applied threshold, or not"
    )
    @click.option("--since", type=Moment(), help="measured at or after this ISO date or time")
    @click.option("--until", type=Moment(), help="measured before this ISO date or time")
    @click.option("--study-from", type=Day(), help="StudyDate on or after this ISO date")
    @click.option("--study-to", type=Day(), help="StudyDate on or before this ISO date")
    @click.option("--patient", help="PatientID; hashed if PatientIDs are stored hashed")
    @click.option("--study", help="study or SOP UID, radiograph id, SHA-256 prefix, or path")
    @click.option(
        model, "measured_by", help="version of the network that measured, from `models list`"
    )
    @click.option(
        "--batch", type=KnownBatch(), help="name of a batch from `status`, or its beginning"
    )
    @click.option(
        "--where",
        type=Where(),
        multiple=True,
        help="a column from `export --dictionary`, one of = != < <= > >=, and a value; or"
        " `path like '%chest%'`, `path contains chest`, `ict is null`; may be repeated",
    )
    @click.option("--limit", type=Count(min=1), help="maximum number of results")
    @functools.wraps(command)
    def with_filter(
        *args: Any,
        settings: Settings,
        bucket: str | None,
        study_from: date | None,
        study_to: date | None,
        patient: str | None,
        study: str | None,
        measured_by: str | None,
        **kwargs: Any,
    ) -> object:
        names = ("ict_above", "ict_below", "enlarged", "since", "until", "batch", "where", "limit")
        wanted = result_filter(
            settings,
            bucket=bucket,
            study_from=study_from,
            study_to=study_to,
            patient=patient,
            study=study,
            model=measured_by,
            **{name: kwargs.pop(name) for name in names},
        )
        return command(*args, settings=settings, wanted=wanted, **kwargs)

    return with_filter
