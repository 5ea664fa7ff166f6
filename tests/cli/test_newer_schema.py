"""Every command refuses the database of a newer thoraq, and does not change it."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import MetaData, select, text

from cli.exits import Exit
from cli.main import thoraq
from db import schema
from db.backup.copies import back_up
from db.database import Database
from db.engine import engine_of
from db.errors import SchemaNewer
from db.models import register_model
from network.card import shipped_card
from testbed.checkout import ROOT
from testbed.commands import Commands
from testbed.records import measure_all, seen, submit

#: Arguments of each command; FILES, FILMS, CARD, NEW, PICTURE and COPY are replaced by paths.
ARGUMENTS = {
    "process": "FILES --device cpu",
    "submit": "FILES",
    "watch": "FILES --once",
    "listen": "",
    "remeasure": "--model thoraq-2",
    "recompute": "",
    "status": "night",
    "results": "",
    "failures": "",
    "show": "1.2.3",
    "export": "--out NEW",
    "report": "night --report NEW",
    "sheet": "--out PICTURE",
    "train cancel": "run",
    "train compare": "run",
    "train log": "run",
    "train resume": "run",
    "train status": "",
    "train submit": "--data FILMS",
    "retry": "night",
    "cancel": "night",
    "pause": "night",
    "resume": "night",
    "scheduler": "",
    "up": "--device cpu",
    "worker": "--device cpu",
    "audit": "",
    "forget": "--batch night --yes",
    "db backup": "NEW",
    "db check": "",
    "db upgrade": "",
    "models compare": "thoraq-2 thoraq-2",
    "models list": "",
    "models promote": "thoraq-2",
    "models register": "CARD",
}
#: Commands that do not use the database, and why.
ELSEWHERE = {
    "doctor": "says so with code 4, see below",
    "db restore": "replaces the database, whatever it holds: the way back after an upgrade",
    "bench": "has a database of its own",
    "health": "asks the state folder alone",
    "flower": "asks the broker alone",
    "logs": "reads log files, also where the database is of no use",
    "dataset check": "reads a folder",
    "dataset explore": "reads a folder",
    "evaluate": "reads a folder",
}


def commands_of(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the name of every command of a group and its subgroups."""
    if not isinstance(command, click.Group):
        yield " ".join(words)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from commands_of(found, (*words, name))


def everything(url: str) -> dict[str, list[Any]]:
    """Return every row of every table of any schema."""
    engine = engine_of(url)
    try:
        with engine.begin() as connection:
            tables = MetaData()
            tables.reflect(connection)
            return {
                name: sorted(map(repr, connection.execute(select(table))))
                for name, table in tables.tables.items()
            }
    finally:
        engine.dispose()


@pytest.fixture
def newer_url(database: Database, database_url: str) -> str:
    """Return a database of a newer thoraq with rows in every table."""
    card = shipped_card()
    register_model(database, card.version, card.weights_digest, card.card, serve=True)
    submit(database, [seen(1), seen(2)], model=card.version)
    measure_all(database)
    submit(database, [seen(3)], name="waiting", model=card.version)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.dispose()
    return database_url


def test_every_command_has_its_case_for_a_newer_schema() -> None:
    assert sorted(commands_of(thoraq)) == sorted(ARGUMENTS | ELSEWHERE)


def test_every_command_refuses_the_database_of_a_newer_thoraq_and_changes_nothing(
    newer_url: str, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.png").write_bytes(b"no radiograph")
    places = {
        "FILES": files,
        "FILMS": films,
        "CARD": ROOT / "network" / "weights",
        "NEW": tmp_path / "new.csv",
        "PICTURE": tmp_path / "new.png",
    }

    def become(*_: object) -> NoReturn:
        raise AssertionError("it became another process")

    monkeypatch.setattr(os, "execve", become)
    environment = {"THORAQ_STATE": str(tmp_path / "state"), "THORAQ_DATABASE_URL": newer_url}
    before = everything(newer_url)
    wrong = {}
    for command, arguments in ARGUMENTS.items():
        words = [str(places.get(word, word)) for word in arguments.split()]
        with warnings.catch_warnings():
            # Close the connections, as the end of a command's process would.
            warnings.simplefilter("ignore", ResourceWarning)
            ran = CliRunner().invoke(thoraq, [*command.split(), *words], env=environment)
            gc.collect()
        told = f"error [{SchemaNewer.code}]: " in ran.stderr and "9999" in ran.stderr
        if ran.exit_code != Exit.DATABASE or not told or ran.stdout:
            wrong[command] = (ran.exit_code, ran.output, ran.exception)
        assert everything(newer_url) == before, command
    assert wrong == {}
    assert not (tmp_path / "new.csv").exists()


def test_a_restore_over_a_newer_database_needs_replace(
    newer_url: str, empty_url_of_same_kind: str, tmp_path: Path
) -> None:
    schema.upgrade(empty_url_of_same_kind)
    back_up(empty_url_of_same_kind, tmp_path / "copy")
    before = everything(newer_url)
    environment = {"THORAQ_STATE": str(tmp_path / "state"), "THORAQ_DATABASE_URL": newer_url}
    words = ["db", "restore", str(tmp_path / "copy")]
    assert CliRunner().invoke(thoraq, words, env=environment).exit_code == Exit.DATABASE
    assert everything(newer_url) == before
    ran = CliRunner().invoke(thoraq, [*words, "--replace"], env=environment)
    assert ran.exit_code == Exit.OK, ran.output
    assert schema.check(newer_url).up_to_date


def test_the_doctor_and_the_processes_report_a_newer_schema(newer_url: str, tmp_path: Path) -> None:
    commands = Commands(tmp_path / "state", {"THORAQ_DATABASE_URL": newer_url})
    before = everything(newer_url)
    ran = commands.run("doctor")
    assert ran.returncode == Exit.UNSOUND
    assert "9999" in ran.stdout
    for module in (("scheduler",), ("worker", "--device", "cpu")):
        process = commands.module(*module)
        assert process.returncode == 78
        assert process.stderr.startswith(f"{SchemaNewer.code}: "), process.stderr
    assert everything(newer_url) == before
