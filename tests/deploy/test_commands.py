"""Commands called in units, containers and the compose file exist on the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from cli.main import thoraq
from tests.deploy.instructions import instructions_of

DEPLOY = Path(__file__).parents[2] / "deploy"


def in_units() -> list[list[str]]:
    lines = [
        line
        for unit in (DEPLOY / "systemd").glob("*.service")
        for line in unit.read_text(encoding="utf-8").splitlines()
    ]
    calls = [re.fullmatch(r"Exec\w+=.*/thoraq (.*)", line) for line in lines]
    return [call[1].split() for call in calls if call]


def in_compose() -> list[list[str]]:
    compose: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "compose.yaml")
    return [
        service["command"]
        for service in compose["services"].values()
        if service["image"].startswith("thoraq:") and "command" in service
    ]


def in_dockerfile() -> list[list[str]]:
    instructions = instructions_of(DEPLOY / "Dockerfile")
    called = [list(command.value) for command in instructions if command.cmd.upper() == "CMD"]
    health = [list(command.value) for command in instructions if command.cmd == "HEALTHCHECK"]
    return called + [words[words.index("thoraq") + 1 :] for words in health]


def in_healthchecks() -> list[list[str]]:
    compose: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "compose.yaml")
    checks = [service["healthcheck"].get("test", []) for service in compose["services"].values()]
    return [words[2:] for words in checks if words[1:2] == ["thoraq"]]


CALLS = sorted(
    {tuple(words) for words in in_units() + in_compose() + in_dockerfile() + in_healthchecks()}
)


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_deploy_calls_existing_commands_and_options(words: tuple[str, ...]) -> None:
    command: click.Command = thoraq
    rest = list(words)
    while isinstance(command, click.Group):
        name = rest.pop(0)
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"thoraq has no command {name}"
        command = found
    offered = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= offered


def test_the_three_kinds_of_file_all_call_thoraq() -> None:
    assert in_units()
    assert in_compose()
    assert in_dockerfile()
