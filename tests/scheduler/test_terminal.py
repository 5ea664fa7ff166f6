"""Output to a terminal contains no control characters, for any text."""

from __future__ import annotations

import io
import json
import sys
import unicodedata

import pytest

from scheduler.console import PlainConsole
from scheduler.terminal import Parser, printable, printable_json, printable_lines

EVERY = "".join(map(chr, range(sys.maxunicode + 1)))


def test_only_printable_code_points_are_kept() -> None:
    kept = set(printable(EVERY))
    assert {unicodedata.category(char) for char in kept} <= {
        *("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No"),
        *("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs"),
    }
    assert kept - {" "} == {char for char in EVERY if char.isprintable()} - {" "}
    assert set(printable_lines(EVERY)) - kept == {"\n", "\t"}
    assert printable("a\x1b[0m\n\x9b\u202e\udcff") == "a\\x1b[0m\\n\\x9b\\u202e\\udcff"


def test_json_contains_no_control_characters_and_has_the_same_value() -> None:
    # JSON would join two consecutive surrogates into one character.
    said = "".join(char for char in EVERY if not "\ud800" <= char <= "\udbff")
    text = printable_json(json.dumps(said))
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == said


def test_a_parser_does_not_repeat_controls(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Parser(prog="thoraq").parse_args(["--\x1b]0;t\x07"])
    said = capsys.readouterr().err
    assert "--\\x1b]0;t\\x07" in said
    assert {char for char in said if not char.isprintable()} == {"\n"}


def test_brackets_in_a_name_are_shown_as_they_are() -> None:
    file = io.StringIO()
    PlainConsole(file=file, force_terminal=True).print("[red]a[/red] [link=b:c]d :warning:\x1b[2J")
    said = file.getvalue()
    assert "[red]" in said.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert ":warning:" in said
    assert "\x1b[2J" not in said
    assert "\x1b]8" not in said
