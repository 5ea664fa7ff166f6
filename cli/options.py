"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.errors import WrongSetting

if TYPE_CHECKING:
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

    Raises WrongSetting.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - --help needs no settings

    from scheduler.settings import Settings  # noqa: PLC0415

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

    return with_settings


priority_option = click.option(
    "--priority",
    type=click.Choice(["urgent", "routine"]),
    default="routine",
    show_default=True,
    help="urgent files overtake routine ones within one chunk",
)
