"""Options that several commands share."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from cli.errors import WrongSetting
from db.conditions import parse_condition
from db.records import Condition, ResultFilter
from db.states import Priority
from radiograph.records import Bucket
from scheduler.errors import PlaceMissing
from scheduler.logs import configure_logs
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings

Command = TypeVar("Command", bound=Callable[..., object])


class Paths(click.Path):
    """A path that need not be UTF-8 and is not resolved."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)


class Moment(click.ParamType[datetime]):
    """An ISO date or time; without an offset it is local. Converted to an aware UTC time."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the time. An ISO date is its first moment."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except ValueError:
            self.fail(f"{value!r} is no ISO date or time, such as 2026-03-01", param, ctx)


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
            self.fail(f"{value!r} is no ISO date, such as 2026-03-01", param, ctx)


def read_settings(state: Path | None) -> Settings:
    """Read the settings of this process; ``state`` overrides the state folder.

    From here on warnings go to standard error as lines of JSON. Raises WrongSetting.
    """
    configure_logs(level=logging.WARNING)
    try:
        return Settings() if state is None else Settings(state=state.absolute())
    except ValidationError as exc:
        faults = "; ".join(
            f"THORAQ_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}"
            for fault in exc.errors(include_input=False, include_url=False)
        )
        raise WrongSetting(faults) from exc


def settings_option(command: Command) -> Callable[..., object]:
    """Give a command ``--state DIR`` and its body ``settings``."""

    @click.option(
        "--state",
        type=Paths(file_okay=False),
        metavar="DIR",
        help="state folder: embedded database and broker, logs [setting: THORAQ_STATE]",
    )
    @functools.wraps(command)
    def with_settings(*args: Any, state: Path | None, **kwargs: Any) -> object:
        return command(*args, settings=read_settings(state), **kwargs)

    # Click lists options from the last to the first; this one belongs at the end.
    listed = with_settings.__click_params__  # type: ignore[attr-defined]
    listed.insert(0, listed.pop())
    return with_settings


def check_places(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Refuse a path that is not there before anything is done. Raises PlaceMissing."""
    for path in paths:
        if not path.exists():
            raise PlaceMissing(f"{path}: {PlaceMissing.__doc__}")
    return paths


paths_argument = click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=Paths(),
    callback=lambda _ctx, _param, paths: check_places(paths),
)

priority_option = click.option(
    "--priority",
    type=click.Choice(Priority, case_sensitive=False),
    default=Priority.ROUTINE,
    show_default=True,
    help="urgent files overtake routine ones within one chunk",
)


model_option = click.option(
    "--model",
    help="version of the network, as `models list` names it [default: the served one]",
)


def filter_options(command: Command) -> Callable[..., object]:
    """Give a command the filters of results, and its body ``wanted``. Needs ``settings`` too."""
    return filters_named("--model")(command)


def filters_named(model: str) -> Callable[[Command], Callable[..., object]]:
    """Return `filter_options` with another name for the option of the network that measured."""
    return functools.partial(with_filters, model=model)


def with_filters(command: Command, *, model: str) -> Callable[..., object]:
    """Give a command the filters; ``model`` names the option of the network that measured."""

    @click.option("--bucket", type=click.Choice([str(each) for each in Bucket]))
    @click.option("--ict-above", type=float, help="cardiothoracic index above this value")
    @click.option("--ict-below", type=float, help="cardiothoracic index below this value")
    @click.option(
        "--enlarged/--not-enlarged", default=None, help="above the threshold that applied, or not"
    )
    @click.option("--since", type=Moment(), help="measured at or after this ISO date or time")
    @click.option("--until", type=Moment(), help="measured before this ISO date or time")
    @click.option("--study-from", type=Day(), help="StudyDate on or after this ISO date")
    @click.option("--study-to", type=Day(), help="StudyDate on or before this ISO date")
    @click.option("--patient", help="PatientID; hashed as it is stored")
    @click.option("--study", help="study or SOP UID, radiograph id, SHA-256 prefix, or path")
    @click.option(
        model, "measured_by", help="version of the network that measured, as `models list` names it"
    )
    @click.option("--batch", help="name of a batch, as `status` names it")
    @click.option(
        "--where",
        type=Where(),
        multiple=True,
        help="a column that `export --dictionary` names, one of = != < <= > >=, and a value;"
        " may be repeated",
    )
    @click.option("--limit", type=click.IntRange(min=1), help="at most this many results")
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
        wanted = ResultFilter(
            bucket=None if bucket is None else Bucket(bucket),
            study_date_from=study_from,
            study_date_to=study_to,
            patient=None if patient is None else Pseudonyms.of(settings).stored(patient),
            study=None if study is None else named_study(study),
            model=measured_by,
            **{name: kwargs.pop(name) for name in names},
        )
        return command(*args, settings=settings, wanted=wanted, **kwargs)

    return with_filter


def named_study(study: str) -> str:
    """Return a study's name as the database knows it: a path that exists is made absolute."""
    path = Path(study)
    return str(path.resolve()) if path.exists() else study
