"""Imports of `thoraq --help`, and the content of the help of every command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import COMMANDS, thoraq
from tests.docs.generated import every_command

ROOT = Path(__file__).parents[2]
HEAVY = "{'torch', 'celery', 'sqlalchemy', 'pydicom', 'numpy', 'rich', 'pydantic'}"


def loaded_after(code: str, wanted: str) -> str:
    """Run code in a new interpreter; return which of the given modules it loaded."""
    code += f"\nimport sys\nprint('LOADED', sorted({wanted} & set(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ran.stdout.rpartition("LOADED ")[2].strip()


def test_the_list_of_commands_loads_no_library() -> None:
    code = "from cli.main import thoraq\nthoraq(['--help'], standalone_mode=False)"
    assert loaded_after(code, HEAVY) == "[]"


def test_no_command_loads_torch() -> None:
    code = (
        "import importlib\nfrom cli.main import COMMANDS\n"
        "from results.codes import known_codes\n"
        "for place, _ in COMMANDS.values(): importlib.import_module(place.partition(':')[0])\n"
        "known_codes()"
    )
    assert loaded_after(code, "{'torch', 'torchvision', 'safetensors', 'celery'}") == "['celery']"


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_the_help_of_a_command_has_an_example(words: tuple[str, ...]) -> None:
    said = CliRunner().invoke(thoraq, [*words, "--help"], prog_name="thoraq")
    assert said.exit_code == 0
    assert "Example" in said.output
    assert f"thoraq {words[0]}" in said.output.partition("Example")[2]


def test_a_command_is_listed_with_the_first_line_of_its_help() -> None:
    listed = {name: line for name, (_, line) in COMMANDS.items()}
    context = thoraq.make_context("thoraq", ["doctor"])
    found = {}
    for name in COMMANDS:
        command = thoraq.get_command(context, name)
        assert command is not None
        found[name] = (command.help or "").partition("\n")[0]
    starts = {name: listed[name].rstrip(".") for name in listed}
    assert {n: line for n, line in found.items() if not line.startswith(starts[n])} == {}


def test_an_unknown_command_is_a_usage_error() -> None:
    said = CliRunner().invoke(thoraq, ["prcess"], prog_name="thoraq")
    assert said.exit_code == 2
    assert "No such command 'prcess'. (Did you mean one of: 'process', 'results'?)" in said.output
    said = CliRunner().invoke(thoraq, ["quux"], prog_name="thoraq")
    assert said.exit_code == 2
    assert "Did you mean" not in said.output


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_mistyped_command_gets_a_suggestion(name: str) -> None:
    if len(name) < 4:
        return
    for typed in (name[:-2] + name[-1] + name[-2], name[:-1], name + "s"):
        if typed in COMMANDS or typed == name:
            continue
        said = CliRunner().invoke(thoraq, [typed], prog_name="thoraq")
        assert said.exit_code == 2
        assert f"'{name}'" in said.output.partition("Did you mean")[2]
