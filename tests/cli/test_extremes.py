"""Extreme values of options are a usage error."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from cli.exits import Exit
from cli.main import COMMANDS, thoraq
from cli.options import Day, Moment, Number
from db.database import Database
from db.errors import StudyUnknown
from db.query.conditions import COMPARABLE, parse_condition
from db.query.results import find_results
from db.records import ResultFilter
from testbed.commands import Commands

NUMBERS = ("9" * 23, "-" + "9" * 23, "9" * 5000, "1e300", "inf", "-inf", "nan", "", "x", "٣" * 30)
NO_NUMBERS = ("9" * 5000, "1e999", "inf", "-inf", "nan", "", "x")
MOMENTS = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "10000-01-01",
    "0000-01-01",
    "-0001-01-01",
    "2026-02-30",
    "2026-01-01T00:00:00+99:00",
    "9" * 23,
    "",
)
DAYS = ("10000-01-01", "0000-01-01", "2026-02-30", "9" * 23, "")
#: Extreme times that exist are accepted, in any zone.
LAST = ("0001-01-01", "9999-12-31", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00")


def leaves(
    command: click.Command, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, (*words, name))
    else:
        yield words, command


def parameters() -> list[tuple[tuple[str, ...], click.Parameter]]:
    """Yield every option and argument that is a number or a time, with its command."""
    kinds = (click.types.IntParamType, click.types.FloatParamType, Moment, Day)
    return [
        (words, parameter)
        for words, command in leaves(thoraq, ())
        for parameter in command.params
        if isinstance(parameter.type, kinds) and not getattr(parameter, "is_flag", False)
    ]


PARAMETERS = parameters()


def values(kind: click.ParamType) -> tuple[str, ...]:
    if isinstance(kind, Moment):
        return MOMENTS
    if isinstance(kind, Number):
        return NO_NUMBERS
    return DAYS if isinstance(kind, Day) else NUMBERS


def test_the_options_are_found() -> None:
    found = {(*words, parameter.opts[0]) for words, parameter in PARAMETERS}
    assert {("results", "--limit"), ("audit", "--since"), ("flower", "--port")} <= found
    assert len(COMMANDS) <= len(list(leaves(thoraq, ())))


@pytest.mark.parametrize(
    ("words", "parameter"),
    PARAMETERS,
    ids=[" ".join((*words, each.opts[0])) for words, each in PARAMETERS],
)
def test_a_value_beyond_the_edge_of_any_option_is_a_usage_error(
    words: tuple[str, ...], parameter: click.Parameter
) -> None:
    for value in values(parameter.type):
        with pytest.raises(click.BadParameter):
            parameter.type.convert(value, parameter, None)
        ran = CliRunner().invoke(thoraq, [*words, f"{parameter.opts[0]}={value}"])
        assert ran.exit_code == Exit.USAGE, (value, ran.output, ran.exception)


def test_a_condition_is_refused_or_answered_on_both_databases(database: Database) -> None:
    for column in COMPARABLE:
        for value in (*NUMBERS, *MOMENTS, *LAST, "\udcff", "2147483648", "9223372036854775808"):
            try:
                condition = parse_condition(f"{column}<={value}")
            except ValueError:
                continue
            assert list(find_results(database, ResultFilter(where=(condition,)))) == []


def test_a_condition_beyond_the_edge_is_a_usage_error(commands: Commands) -> None:
    for condition in (f"rows<{'9' * 23}", "ict<inf", "measured_at<0001-01-01T00:00:00+14:00"):
        ran = commands.run("results", "--where", condition)
        assert (ran.returncode, "Traceback" in ran.stderr) == (Exit.USAGE, False), ran.stderr


def test_times_at_the_very_edge_are_answered_on_both_databases(database: Database) -> None:
    for value in LAST:
        at = Moment().convert(f"{value}T00:00:00+00:00" if "T" not in value else value, None, None)
        for name in ("since", "until"):
            asked = ResultFilter(**{name: at})  # type: ignore[arg-type]
            assert list(find_results(database, asked)) == []
    for value in LAST[:2]:
        day = Day().convert(value, None, None)
        assert list(find_results(database, ResultFilter(study_date_from=day))) == []


@pytest.mark.parametrize("study", ["9" * 18, "9" * 19, "9" * 23, "9" * 5000, "-1", "0"])
def test_an_unknown_radiograph_number_is_not_found(study: str, database: Database) -> None:
    with pytest.raises(StudyUnknown):
        list(find_results(database, ResultFilter(study=study)))
