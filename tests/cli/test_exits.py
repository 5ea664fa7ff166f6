"""Exit codes of commands that fail."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli.exits import Exit, exit_of
from testbed.commands import PATIENCE_SECONDS, Commands


def test_a_missing_batch_is_not_found(commands: Commands) -> None:
    commands.run("db", "upgrade")
    ran = commands.run("status", "nobody")
    assert ran.returncode == Exit.NOT_FOUND
    assert ran.stderr.startswith("error [batch-unknown]: ")
    assert "Traceback" not in ran.stderr


def test_a_missing_folder_is_not_found_and_creates_no_batch(commands: Commands) -> None:
    commands.run("db", "upgrade")
    ran = commands.run("submit", "/nowhere/at/all")
    assert ran.returncode == Exit.NOT_FOUND
    assert "error [place-missing]: /nowhere/at/all" in ran.stderr
    assert commands.json("status") == []


def test_an_invalid_setting_is_named(tmp_path: Path) -> None:
    ran = Commands(tmp_path, {"THORAQ_CHUNK_SIZE": "none"}).run("status")
    assert ran.returncode == Exit.USAGE
    assert "error [wrong-setting]: THORAQ_CHUNK_SIZE" in ran.stderr


def test_an_invalid_setting_does_not_print_its_secret(tmp_path: Path) -> None:
    url = "mysql://ada:hunter2@queue/thoraq"
    ran = Commands(tmp_path, {"THORAQ_DATABASE_URL": url}).run("status")
    assert ran.returncode == Exit.USAGE
    assert "error [database-url-invalid]" in ran.stderr
    assert "hunter2" not in ran.stderr + ran.stdout


def test_an_unavailable_database_is_a_database_error(tmp_path: Path) -> None:
    url = "postgresql://127.0.0.1:1/thoraq"
    ran = Commands(tmp_path, {"THORAQ_DATABASE_URL": url}).run("status")
    assert ran.returncode == Exit.DATABASE
    assert "error [database-away]" in ran.stderr


def test_a_state_folder_without_a_database_names_the_command_that_creates_it(
    tmp_path: Path,
) -> None:
    ran = Commands(tmp_path / "elsewhere", {}).run("status")
    assert ran.returncode == Exit.DATABASE
    assert "--state" in ran.stderr
    assert "thoraq process" in ran.stderr


def test_an_unwritable_output_is_reported_before_the_work(
    commands: Commands, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    films = tmp_path / "films"
    films.mkdir()
    (films / "a.png").write_bytes(b"none")
    below = tmp_path / "file" / "below"
    for command in (
        ("process", films, "--report", below),
        ("bench", films, "--out", below / "bench.png"),
        ("status", "--state", below),
        ("submit", films, "--state", below),
    ):
        ran = commands.run(*command)
        assert ran.returncode in {Exit.USAGE, Exit.DATABASE}, ran.stderr
        assert ran.stderr.startswith("error ["), ran.stderr
        assert "Traceback" not in ran.stderr
    assert "place-unusable" in ran.stderr


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]], ids=["table", "json", "csv"])
def test_a_full_disk_at_standard_output_is_reported(
    commands: Commands, tmp_path: Path, form: list[str]
) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.png").write_bytes(b"none")
    assert commands.run("submit", tmp_path / "films").returncode == Exit.OK
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "cli", "status", *form],
            env=commands.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    assert ran.returncode == Exit.USAGE
    assert ran.stderr.startswith("error [place-unusable]: the output file: No space left")
    assert "Traceback" not in ran.stderr


def test_a_cancelled_batch_names_the_command_that_resumes_it(
    commands: Commands, tmp_path: Path
) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    commands.run("db", "upgrade")
    commands.run("submit", tmp_path / "films", "--batch", "night")
    commands.run("cancel", "night")
    ran = commands.run("process", tmp_path / "films", "--batch", "night")
    assert ran.returncode == Exit.OK, ran.stderr
    assert "1 are cancelled; requeue them with `thoraq retry night`" in ran.stdout


def test_flower_without_a_broker_names_the_command_that_starts_it(commands: Commands) -> None:
    ran = commands.run("flower")
    assert ran.returncode == Exit.QUEUE
    assert "thoraq up" in ran.stderr


def test_flower_on_a_taken_port_is_one_line(commands: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = commands.run("flower", "--port", str(port))
    assert ran.returncode == Exit.USAGE
    assert ran.stderr.startswith("error [port-unusable]: 127.0.0.1, port ")
    assert "--port" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("words", [("status",), ("doctor", "--here"), ("up",), ("process", ".")])
@pytest.mark.parametrize("kind", ["file", "below a file"])
def test_an_invalid_state_folder_is_reported(
    tmp_path: Path, kind: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("no folder")
    state = tmp_path / "file" if kind == "file" else tmp_path / "file" / "below"
    ran = Commands(state).run(*words)
    assert ran.returncode in {Exit.USAGE, Exit.DATABASE, Exit.UNSOUND}, ran.stderr
    assert "Traceback" not in ran.stderr
    assert "error [" in ran.stderr or "FAIL  state" in ran.stdout


def test_a_folder_without_files_is_not_found(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = commands.run("process", tmp_path / "empty")
    assert ran.returncode == Exit.NOT_FOUND
    assert "error [no-files]" in ran.stderr


def test_an_error_of_another_library_has_no_exit_code_of_ours() -> None:
    class Foreign(Exception):
        code = "e3q8"

    Foreign.__module__ = "sqlalchemy.exc"
    assert exit_of(Foreign()) is None


@pytest.mark.parametrize("member", list(Exit), ids=lambda each: each.name)
def test_an_exit_code_explains_itself(member: Exit) -> None:
    assert member.meaning
    assert 0 <= member < 256
