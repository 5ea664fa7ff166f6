"""Tables are never wider than the terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output.cells import cells, folded, shortened
from cli.output.fitted_table import TableColumn, fitted, table_lines
from cli.output.ledger import code_lines
from cli.output.printing import table_column
from db.records import AuditRow
from radiograph.captions import index_text
from radiograph.records import Ict, IctRule
from results.audit_rows import audit_row
from results.columns import IN_TABLE as RESULTS_TABLE
from scheduler.terminal import printable
from testbed.checkout import ROOT
from testbed.commands import Commands
from testbed.processes import ending_with_us
from tests.cli.hostile import NAME, make_hostile

STYLES = re.compile(r"\x1b\[[0-9;]*m")
RESULT = {
    "radiograph": 1,
    "ict": 0.457,
    "enlarged": False,
    "ict_rule": "none-view-unknown",
    "bucket": "excellent",
    "expected_error_px224": 4.83,
    "study_date": "2020-11-08",
    "path": "/srv/archive/PHANTOM-0004/2020-11-08/PH000004.dcm",
}
#: Wide characters, combining accents, a character of four bytes, escaped controls.
LETTERS = st.text(st.sampled_from("ab/ .-胸部X線é\u0301한\U0001f600\x1b\u202e"), max_size=60)


def lines_at(words: Sequence[Sequence[str]], commands: Commands, folder: Path) -> list[str]:
    """Run commands with a terminal as standard output; return their output."""
    script = folder / "lines.json"
    script.write_text(json.dumps(words), encoding="ascii")
    ours, theirs = pty.openpty()
    modes = termios.tcgetattr(theirs)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cli.in_turn", str(script)],
        cwd=ROOT,
        env=commands.environment | {"TERM": "xterm-256color"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        preexec_fn=ending_with_us(signal.SIGTERM),  # noqa: PLW1509 - see there
    ):
        os.close(theirs)
        said = b""
        while True:
            try:
                more = os.read(ours, 1 << 16)
            except OSError:  # EIO: the process has ended
                break
            said += more
    os.close(ours)
    return STYLES.sub("", said.decode("utf-8")).splitlines()


def test_no_table_is_wider_than_the_terminal(tmp_path: Path) -> None:
    hostile = make_hostile(tmp_path)
    failed, at_work = f"{NAME} failed", f"{NAME} at work"
    words = [
        ["status"],
        ["results"],
        ["failures"],
        ["show", hostile.files[0]],
        ["export", "--dictionary"],
        ["audit"],
        ["models", "list"],
        ["train", "status"],
        ["train", "log", failed],
        ["train", "compare", failed, at_work],
        ["models", "compare", NAME, f"{NAME}2"],
    ]
    for width in (60, 80):
        commands = Commands(hostile.state, {"COLUMNS": str(width)})
        tables: dict[str, list[str]] = {}
        shown: list[str] = []
        for line in lines_at(words, commands, tmp_path):
            if line.startswith("== "):
                shown = tables.setdefault(line, [])
            elif not line.startswith(("2 radiographs", "ICT of ")):  # sentences
                shown.append(line)
        assert len(tables) == len(words)
        for command, lines in tables.items():
            assert len([line for line in lines if line]) > 1, command
            if "'show'" in command or "'train', 'compare'" in command:
                del lines[lines.index("") :]  # paragraphs follow
            assert [line for line in lines if cells(line) > width] == [], command


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_result_keeps_its_index_and_the_name_of_its_file(width: int) -> None:
    columns = [table_column(name, [RESULT[name]]) for name in RESULTS_TABLE]
    heading, row = table_lines(columns, width)
    assert max(map(cells, (heading, row))) <= width
    assert "0.457" in row
    assert row.endswith("/PH000004.dcm")
    assert ("expected error px224" in heading) == (width == 120)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_an_entry_of_the_audit_keeps_its_time(width: int) -> None:
    found = AuditRow(
        datetime(2026, 3, 1, 2, tzinfo=UTC), "operator@host", "retry", "night-" * 20, {"files": 7}
    )
    columns = [table_column(name, [value]) for name, value in audit_row(found).items()]
    heading, row = table_lines(columns, width)
    assert max(map(cells, (heading, row))) <= width
    assert row.startswith("2026-03-01T02:00:00+00:00  ")


def test_a_table_that_is_piped_is_as_wide_as_it_needs() -> None:
    columns = [table_column(name, [RESULT[name]]) for name in RESULTS_TABLE]
    _, row = table_lines(columns, None)
    assert row.endswith(str(RESULT["path"]))
    assert "4.83" in row


@given(
    st.lists(
        st.one_of(
            st.lists(LETTERS, min_size=2, max_size=2),
            st.lists(st.integers(0, 10**9), min_size=2, max_size=2),
        ),
        min_size=1,
        max_size=9,
    ),
    st.integers(12, 130),
)
def test_no_line_is_wider_than_the_terminal_with_any_content(
    values: list[list[str] | list[int]], width: int
) -> None:
    names = ("path", "why", "detail", "bucket", "state", "胸部", "created_at", "device", "code")
    columns = [table_column(name, each) for name, each in zip(names, values, strict=False)]
    lines = table_lines(columns, width)
    assert max(map(cells, lines)) <= width
    kept, rooms = fitted(columns, width)
    assert kept
    assert all(rooms[each.name] <= each.natural for each in kept)


@given(LETTERS, st.integers(4, 40))
def test_a_shortened_text_fits_and_a_path_keeps_its_name(text: str, room: int) -> None:
    text = printable(text)
    assert cells(shortened(text, room)) <= room
    assert all(cells(line) <= room for line in folded(text, room))
    path = f"/folder with a name/{text.replace('/', '')}x.dcm"
    short = shortened(path, room)
    assert cells(short) <= room
    if cells(path.rpartition("/")[2]) + 2 <= room:
        assert short.endswith(path.rpartition("/")[2])


def test_numbers_are_complete_or_omitted() -> None:
    columns = [
        TableColumn("a", "a", ["123456789"], at_right=True, whole=True),
        TableColumn("b", "b", ["987654321"], at_right=True, whole=True),
    ]
    for width in range(9, 24):
        assert set(" ".join(table_lines(columns, width)[1:]).split()) <= {"123456789", "987654321"}


def test_a_long_remedy_continues_below_itself() -> None:
    counts = {"lateral-view": 3, "truncated-file": 2}
    whole = list(code_lines(counts))
    for width in (40, 60, 80):
        lines = list(code_lines(counts, width))
        assert max(map(cells, lines)) <= width
        assert " ".join(" ".join(lines).split()) == " ".join(" ".join(whole).split())


def test_a_figure_has_the_same_decimals_in_every_output() -> None:
    rows = [{"ict": 0.457, "error_px224": 5.0}, {"ict": 0.5854, "error_px224": 12.346}]
    columns = [table_column(name, [row[name] for row in rows]) for name in rows[0]]
    assert [column.texts for column in columns] == [["0.457", "0.585"], ["5.00", "12.35"]]
    drawn = index_text(
        Ict(0.5, 0.01, 0.48, 0.52, 1.0, 2.0, None, None, 0.5, IctRule.ADULT_PA, None)
    )
    assert drawn == "ICT 0.500 (0.480 to 0.520 at 95 %)"
