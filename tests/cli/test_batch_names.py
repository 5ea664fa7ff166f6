"""Commands take a batch by its full name or by an unambiguous prefix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.exits import Exit
from cli.main import COMMANDS, thoraq
from cli.options import BatchName, KnownBatch
from testbed.commands import Commands
from tests.cli.forked import run_forked

NAME = "tonight-3f2a91bc"
OTHERS = ("tomorrow", *(f"tomorrow-{number}" for number in range(6)))
#: Every command that takes a batch, and whether it changes something.
LINES = (
    "status {}",
    "status --json {}",
    "failures {}",
    "failures --batch {}",
    "results --batch {}",
    "export --batch {} --out out.csv --overwrite",
    "report {}",
    "report {} --out report.html --overwrite",
    "retry {}",
    "retry --batch {}",
    "cancel {}",
    "pause {}",
    "resume {}",
    "recompute --batch {}",
    "remeasure --batch {} --model thoraq-2",
    "forget --batch {} --dry-run",
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """Return a state folder with some batches."""
    folder = tmp_path_factory.mktemp("named")
    (folder / "films").mkdir()
    (folder / "films" / "a.png").write_bytes(b"none")
    commands = Commands(folder / "state")
    for name in (NAME, *OTHERS):
        words = ["submit", str(folder / "films"), "--batch", name]
        assert run_forked(words, commands.environment).returncode == Exit.OK
    return commands


@pytest.mark.parametrize("line", LINES)
def test_a_batch_is_found_by_a_prefix_of_its_name(
    filled: Commands, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(name: str) -> tuple[int, str]:
        ran = run_forked(line.format(name).split(), filled.environment)
        return ran.returncode, ran.stderr

    ended, told = run("toni")
    assert ended == Exit.OK, told
    assert told.startswith(f"batch {NAME}\n")
    ended, told = run(NAME)
    assert ended == Exit.OK, told
    assert not told.startswith("batch ")
    assert run("tomorrow")[0] == Exit.OK  # the exact name, although it is a prefix of others
    ended, told = run("tomorrow-")
    assert (ended, told.count("\n")) == (Exit.USAGE, 1), told
    assert told.startswith(
        "error [batch-ambiguous]: 6 batches begin with 'tomorrow-': tomorrow-0, "
    )
    assert "tomorrow-4, ..." in told
    assert "tomorrow-5" not in told
    ended, told = run("tonigt")
    assert (ended, told.count("\n")) == (Exit.NOT_FOUND, 1), told
    assert told.startswith("error [batch-unknown]: ")
    assert f"did you mean {NAME}?" in told
    ended, told = run("xyz")
    assert (ended, told.count("\n")) == (Exit.NOT_FOUND, 1), told
    assert "did you mean" not in told


def test_the_logs_of_a_batch_are_found_without_a_database(filled: Commands, tmp_path: Path) -> None:
    ran = run_forked(["logs", "toni"], filled.environment)
    assert (ran.returncode, ran.stderr.partition("\n")[0]) == (Exit.OK, f"batch {NAME}")
    assert run_forked(["logs", "tomo"], filled.environment).returncode == Exit.USAGE
    assert run_forked(["logs", "toni"], Commands(tmp_path).environment).returncode == Exit.OK


def test_every_command_resolves_the_name_of_a_batch_alike() -> None:
    taking = set()
    for path, parameter in parameters():
        if parameter.name == "batch" or "--batch" in parameter.opts:
            assert isinstance(parameter.type, KnownBatch | BatchName), path
            if isinstance(parameter.type, KnownBatch):
                taking.add(path.partition(" ")[0])
    # `sheet` has the options of `results`, and refuses a batch without measurements.
    assert taking == {line.split()[0] for line in LINES} | {"logs", "sheet"}


def parameters() -> Iterator[tuple[str, click.Parameter]]:
    """Yield each parameter of each command."""
    context = click.Context(thoraq)
    for name in COMMANDS:
        command = thoraq.get_command(context, name)
        assert command is not None
        for each in command.params:
            yield name, each
        for below, sub in getattr(command, "commands", {}).items():
            for each in sub.params:
                yield f"{name} {below}", each


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("results --bucket revew", "review"),
        ("results --bucket very-good", "very_good"),
        ("failures --code file-unavailabel", "file-unavailable"),
        ("retry --code to-large", "too-large"),
    ],
)
def test_a_mistyped_value_gets_a_suggestion(filled: Commands, line: str, meant: str) -> None:
    ran = run_forked(line.split(), filled.environment)
    assert ran.returncode == Exit.USAGE
    assert f"Did you mean {meant}?" in ran.stderr
