"""A state folder may have any name; every command works with it."""

from __future__ import annotations

import os
import subprocess
import unicodedata
from pathlib import Path

import pytest

from cli.exits import Exit
from db.address import sqlite_url
from results.report import folder_name
from scheduler.checkup.remedy import quoted
from testbed.commands import Commands
from testbed.radiographs import write_radiographs
from tests.cli.forked import run_forked
from tests.cli.test_running import ODD

WORDS = {
    "plain": "/srv/thoraq",
    "space": "/srv/a b",
    "quotes": 'it\'s "q" `x` $HOME \\n',
    "newline": "new\nline",
    "controls": "\x1b[1m\r\t'\\",
    "umlaut": "ü\u202e",
    "no-utf8": "a\udcffb",
    "empty": "",
    "tilde": "~root",
}


@pytest.mark.parametrize("given", ["option", "setting"])
def test_a_state_folder_with_special_characters_works(tmp_path: Path, given: str) -> None:
    write_radiographs(tmp_path / "films", 2)
    state = tmp_path / ODD
    if given == "setting":
        commands, named = Commands(state), []
    else:  # a name that begins with a dash needs no ./ before it
        commands, named = Commands(tmp_path / "other"), ["--state", state]
    ran = commands.run("process", tmp_path / "films", "--device", "cpu", "--batch", "b", *named)
    assert ran.returncode == Exit.OK, ran.stderr
    assert "2 measured" in ran.stdout
    assert {"thoraq.db", "logs", "broker", "reports"} <= {each.name for each in state.iterdir()}
    copy = state / "copy ?#%"
    for words in (
        ("report", "b"),
        ("db", "backup", copy),
        ("db", "restore", copy, "--replace"),
        ("db", "check"),
        ("doctor", "--here"),
    ):
        ran = commands.run(*words, *named)
        assert ran.returncode == Exit.OK, (words, ran.stdout, ran.stderr)
    assert [row["measured"] for row in commands.json("status", *named)] == [2]
    # No file was created under the name truncated as in a URL.
    assert {each.name for each in tmp_path.iterdir()} == {"films", ODD}


def test_a_database_with_special_characters_is_found_by_its_url(tmp_path: Path) -> None:
    path = tmp_path / ODD / "d?b#.db"
    commands = Commands(tmp_path / "state", {"THORAQ_DATABASE_URL": sqlite_url(path)})
    assert commands.run("db", "upgrade").returncode == Exit.OK
    assert path.exists()
    assert commands.json("status") == []


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////srv/a?b.db",
        "sqlite://",
        "sqlite:///:memory:",
        f"sqlite:////srv/{'long/' * 100}thoraq.db",
        "postgresql://host:port/thoraq",
        "thoraq.db",
    ],
    ids=["question", "memory", "named-memory", "long", "port", "path"],
)
@pytest.mark.parametrize("command", ["status", "doctor --here", "db upgrade"])
def test_a_url_without_a_database_is_a_one_line_error(
    tmp_path: Path, url: str, command: str
) -> None:
    ran = Commands(tmp_path, {"THORAQ_DATABASE_URL": url}).run(*command.split())
    told = ran.stdout if command.startswith("doctor") and ran.stdout else ran.stderr
    assert "database-url-invalid" in told or "wrong-setting" in told, told
    assert "Traceback" not in ran.stderr
    assert ran.returncode in {Exit.USAGE, Exit.UNSOUND}


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS.keys())
def test_quoted_arguments_survive_the_shell(word: str) -> None:
    said = quoted(word)
    assert said.isprintable()
    ran = subprocess.run(["bash", "-c", f"printf %s {said}"], capture_output=True, check=True)
    assert os.fsdecode(ran.stdout) == word


@pytest.mark.parametrize(
    "name",
    ["", " ", " night", "night ", "night\n", "-night", "--night", "x" * 201, "ü" * 101],
    ids=ascii,
)
def test_an_unusable_batch_name_is_refused_first(tmp_path: Path, name: str) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.png").write_bytes(b"none")
    films = tmp_path / "films"
    commands = Commands(tmp_path / "state")
    for words in (
        ("process", films, f"--batch={name}"),
        ("submit", films, f"--batch={name}"),
        ("watch", films, "--once", f"--batch={name}"),
        ("remeasure", f"--into={name}", "--model", "thoraq-2"),
    ):
        ran = run_forked([str(each) for each in words], commands.environment)
        assert ran.returncode == Exit.USAGE, (words, ran.stderr)
        assert "Invalid value" in ran.stderr
    assert not commands.state.exists()


def test_every_batch_has_its_report_folder() -> None:
    names = [
        *("night", "Night", "NIGHT", "night.", "night ", " night", "_night", ".", "..", ""),
        *("a/b", "a_b", "a\nb", "a\x1bb", "a\udcffb", "ü", "u\u0308", "Ü", "ß", "ss"),
        *("x" * 161, "x" * 160, "x" * 160 + "y", "ü" * 200, "ü" * 201, "-v", ".hidden"),
        *("archive-3f2a91bc", "Archive-3f2a91bc", "Archive-3f2a91bc-M", "archive-3f2a91bc-m"),
        "A" * 300,
    ]
    names += [folder_name(each) for each in names if folder_name(each) != each]
    folders = [unicodedata.normalize("NFC", folder_name(each).casefold()) for each in names]
    assert len(set(folders)) == len(set(names))
    for each in folders:
        assert len(os.fsencode(each)) <= 200
        assert each.isprintable()
        assert "/" not in each
        assert each.strip(". ") == each != ""
    assert folder_name("night") == "night"
    assert folder_name("archive-3f2a91bc") == "archive-3f2a91bc"
