"""Failures are queried like results, for any command that queued them; any batch has a report."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.exits import Exit
from cli.main import thoraq
from db.database import Database
from db.models import register_model
from db.put_away_paths import record_places
from db.records import FileStat, PlacedFile, Refusal, SeenFile
from db.states import Destination
from db.tables import file
from radiograph.captions import index_text
from radiograph.errors import Disposition, NotAnImage, TooSmall
from results.codes import known_codes
from scheduler.preparation import prepare
from scheduler.settings import Settings
from testbed.records import (
    BROKEN,
    LATERAL,
    claim,
    measured,
    measurement,
    provenance,
    refused,
    refusing,
    seen,
    send,
    store,
    submit,
)
from testbed.tables import rows

COLUMNS = [
    *("batch", "path", "state", "code", "detail", "attempts"),
    *("radiograph", "duplicate", "ended_at"),
]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return the state of a submission: 1 file measured, 2 failed, 60 set aside, 1 waiting."""
    database = open_state(tmp_path / "state")
    files = [seen(1), seen(2), refused("half.dcm")]
    submit(database, [*files, *(refused(f"{n:02}.txt", LATERAL) for n in range(60))], chunk_size=1)
    for nth, chunk_id in enumerate(send(database)):
        taken = claim(database, chunk_id)
        store(database, taken, [refusing(j, BROKEN) if nth else measured(j) for j in taken.jobs])
    submit(database, [seen(3)], name="a/b\x1b[2J")
    database.dispose()
    return tmp_path / "state"


def open_state(folder: Path) -> Database:
    return prepare(Settings(state=folder))


def run(state: Path, *words: str, extra: Mapping[str, str] | None = None) -> Result:
    environment = {"THORAQ_STATE": str(state), **(extra or {})}
    return CliRunner().invoke(thoraq, words, env=environment)


def as_json(state: Path, *words: str) -> list[dict[str, Any]]:
    ran = run(state, "failures", *words, "--json")
    assert ran.exit_code == Exit.OK, ran.output
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


def test_a_table_ends_with_codes_counts_and_remedies(state: Path) -> None:
    ran = run(state, "failures", "night", "--failed")
    assert (ran.exit_code, ran.stderr) == (Exit.OK, "")
    table, _, remedies = ran.stdout.partition("remedies by code")
    assert [line.split()[5] for line in table.splitlines()[1:3]] == [
        *("/archive/2.dcm", "/archive/half.dcm")
    ]
    [line] = remedies.strip().splitlines()
    assert line.split()[:3] == [BROKEN.code, "2", "failed"]
    assert line.endswith(known_codes()[BROKEN.code].sentence)


def test_a_table_names_a_remedy_once_and_states_as_text(tmp_path: Path) -> None:
    database = open_state(tmp_path / "state")
    small, odd = TooSmall.because("9 x 9 pixels"), NotAnImage(NotAnImage.__doc__)
    refusals = [Refusal.of(each) for each in (small, odd)]
    files = [refused(f"{number}.png", each) for number, each in enumerate(refusals)]
    submit(database, [*files, refused("2.png", BROKEN)])
    database.dispose()
    printed = run(tmp_path / "state", "failures").stdout
    assert all(printed.count(str(each.__doc__)) == 1 for each in (small, odd))
    lines = [re.split(r"  +", line)[2:] for line in printed.splitlines()[1:4]]
    assert sorted(lines) == [
        ["failed", BROKEN.code, "0", "/archive/2.png", BROKEN.detail],
        ["set aside", "not-an-image", "0", "/archive/1.png", "-"],
        ["set aside", "too-small", "0", "/archive/0.png", "9 x 9 pixels"],
    ]
    assert "set aside" in run(tmp_path / "state", "show", "/archive/0.png").stdout
    [first] = as_json(tmp_path / "state", "--code", "too-small")
    assert (first["state"], first["detail"]) == ("set_aside", str(small))


def test_a_table_shows_the_newest_fifty_and_counts_all(state: Path) -> None:
    ran = run(state, "failures")
    assert ran.stdout.partition("\n\n")[0].count("\n") == 50
    assert "the newest 50 of 62" in ran.stderr
    assert "lateral-view        60  set aside" in ran.stdout
    assert run(state, "failures", "--limit", "62").stderr == ""


def test_json_and_csv_contain_every_failure_and_every_column(state: Path) -> None:
    found = as_json(state)
    assert len(found) == 62
    assert all(list(row) == COLUMNS for row in found)
    failed = next(row for row in found if row["path"] == "/archive/2.dcm")
    assert (failed["batch"], failed["state"], failed["attempts"]) == ("night", "failed", 1)
    assert failed["ended_at"].endswith("+00:00")
    printed = run(state, "failures", "--csv").stdout
    lines = list(csv.DictReader(io.StringIO(printed)))
    assert [line["path"] for line in lines] == [row["path"] for row in found]
    assert {line["duplicate"] for line in lines} == {"false"}


def test_filters_choose(state: Path) -> None:
    assert len(as_json(state, "--set-aside")) == 60
    assert len(as_json(state, "--code", BROKEN.code, "--code", "too-small")) == 2
    assert [row["path"] for row in as_json(state, "--path", "half")] == ["/archive/half.dcm"]
    assert len(as_json(state, "--batch", "night", "--limit", "3")) == 3
    assert as_json(state, "--since", "2999-01-01") == []
    assert len(as_json(state, "--until", "2999-01-01")) == 62


@pytest.mark.parametrize("form", ["--table", "--json", "--csv"])
def test_an_empty_list_of_failures_is_reported_on_standard_error(state: Path, form: str) -> None:
    ran = run(state, "failures", "a/b\x1b[2J", form)
    assert ran.exit_code == Exit.OK
    assert ran.stdout.strip() in {"", "[]"}
    assert "no matching file" in ran.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["failures", "nigth"], Exit.NOT_FOUND),
        (["failures", "night", "--batch", "night"], Exit.USAGE),
        (["failures", "--code", "no-such"], Exit.USAGE),
        (["failures", "--limit", "0"], Exit.USAGE),
        (["report", "nigth"], Exit.NOT_FOUND),
        (["report"], Exit.USAGE),
    ],
)
def test_what_is_unknown_is_refused_and_writes_nothing(
    state: Path, words: list[str], code: Exit
) -> None:
    assert run(state, *words).exit_code == code
    assert not (state / "reports").exists()


def test_a_code_of_an_earlier_version_is_accepted_if_stored(state: Path) -> None:
    database = open_state(state)
    submit(database, [refused("old", Refusal("former-code", "", Disposition.FAILED))], name="old")
    database.dispose()
    assert [row["code"] for row in as_json(state, "--code", "former-code")] == ["former-code"]
    assert "former-code" in run(state, "failures", "old").stdout


def test_a_file_that_was_moved_is_found_by_its_old_path_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = (tmp_path / "inbox").resolve()
    inbox.mkdir()
    (tmp_path / "link").symlink_to(inbox)
    database = open_state(tmp_path / "state")
    unread = SeenFile(FileStat(f"{inbox}/a.txt", 10, 1), refusal=LATERAL)
    submit(database, [unread])
    [row] = rows(database, file)
    new = f"{inbox}/failed/a.txt"
    record_places(database, [PlacedFile(row.id, new, Destination.FAILED)])
    database.dispose()
    monkeypatch.chdir(tmp_path)
    for path in (f"{inbox}/a.txt", new, "inbox/a.txt", "./link/a.txt", f"{tmp_path}/link/a.txt"):
        [failed] = as_json(tmp_path / "state", "--path", path)
        ran = run(tmp_path / "state", "show", path, "--json")
        [shown] = json.loads(ran.stdout)["files"]
        assert failed["path"] == shown["path"] == new
    assert run(tmp_path / "state", "show", f"{inbox}/b.txt").exit_code == Exit.NOT_FOUND


def test_a_report_of_any_batch_equals_that_of_process(state: Path, tmp_path: Path) -> None:
    ran = run(state, "report", "night", "--report", str(tmp_path / "out" / "deep"))
    assert ran.exit_code == Exit.OK, ran.output
    written = {path.name: path for path in (tmp_path / "out" / "deep").iterdir()}
    assert set(written) == {"results.csv", "failures.csv", "sheet.png"}
    assert all(str(path) in ran.stdout for path in written.values())
    with written["failures.csv"].open(encoding="utf-8", newline="") as lines:
        assert len(list(csv.DictReader(lines))) == 62
    with written["results.csv"].open(encoding="utf-8", newline="") as lines:
        assert [row["path"] for row in csv.DictReader(lines)] == ["/archive/1.dcm"]
    assert run(state, "report", "night", "--report", str(tmp_path / "out" / "deep")).exit_code == 0


def test_a_report_overwrites_only_its_own_older_one(state: Path, tmp_path: Path) -> None:
    database = open_state(state)
    submit(database, [seen(4)], name="other")
    database.dispose()
    folder = tmp_path / "reports"
    words = ("report", "night", "--report", str(folder))

    def refused(*more: str) -> str:
        ran = run(state, *more)
        assert ran.exit_code == Exit.USAGE, ran.output
        assert "use --overwrite to replace it" in ran.stderr
        return ran.stderr

    folder.mkdir()
    theirs = folder / "failures.csv"
    theirs.write_text("an operator's")
    assert str(theirs) in refused(*words)
    assert {each.name for each in folder.iterdir()} == {"failures.csv"}
    assert theirs.read_text() == "an operator's"
    assert run(state, *words, "--overwrite").exit_code == Exit.OK
    assert run(state, *words).exit_code == Exit.OK  # over its own file
    refused("report", "other", "--report", str(folder))

    annotated = folder / "results.csv"
    annotated.write_text("seen by a person")
    assert str(annotated) in refused(*words)
    annotated.unlink()
    (folder / "sheet.png").unlink()
    (folder / "sheet.png").symlink_to(tmp_path / "elsewhere")
    refused(*words)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["a/b\x1b[2J", "../../x", "..", "."])
def test_the_report_of_a_batch_of_any_name_has_its_folder(state: Path, name: str) -> None:
    database = open_state(state)
    submit(database, [seen(4)], name=name)
    database.dispose()
    ran = run(state, "report", name)
    assert ran.exit_code == Exit.OK, ran.output
    assert "still waiting or running" in ran.stderr
    [folder] = (state / "reports").iterdir()
    assert {each.name for each in folder.iterdir()} == {"results.csv", "failures.csv"}
    assert "\x1b" not in ran.output


@pytest.mark.parametrize("ict", [0.49748, 0.49751, 0.48, 0.49952], ids="{:.5f}".format)
def test_a_number_is_the_same_in_a_table_and_on_a_picture(tmp_path: Path, ict: float) -> None:
    database = open_state(tmp_path / "state")
    submit(database, [seen(1)])
    [chunk_id] = send(database)
    taken = claim(database, chunk_id)
    found = measurement(ict=ict)
    store(database, taken, [measured(job, found) for job in taken.jobs])
    database.dispose()
    drawn = re.findall(r"\d\.\d+", index_text(found.ict).removesuffix("at 95 %)"))
    names = ("ict", "ict_low", "ict_high")
    listed = run(tmp_path / "state", "results", "--columns", ",".join(names))
    assert listed.stdout.splitlines()[1].split() == drawn
    shown = run(tmp_path / "state", "show", "1").stdout
    assert re.findall(r"^ict(?: low| high)? +(\S+)$", shown, flags=re.MULTILINE) == drawn
    [row] = json.loads(run(tmp_path / "state", "results", "--json").stdout)
    assert [row[name] for name in names] == [round(ict + off, 4) for off in (0, -0.02, 0.02)]


def test_a_comparison_shows_an_index_as_its_results_do(tmp_path: Path) -> None:
    database = open_state(tmp_path / "state")
    for model, ict in (("old", 0.49748), ("new", 0.51751)):
        register_model(database, model, "d" * 64, {}, serve=False)
        submit(database, [seen(1)], name=model, model=model)
        [chunk_id] = send(database)
        taken = claim(database, chunk_id)
        of = measurement(ict=ict, enlarged=model == "new")
        outcomes = [
            replace(measured(job, of), provenance=provenance(model=model)) for job in taken.jobs
        ]
        store(database, taken, outcomes)
    database.dispose()
    table = run(tmp_path / "state", "models", "compare", "old", "new").stdout
    assert table.splitlines()[1].split()[1:3] == ["0.497", "0.518"]
    whole = run(tmp_path / "state", "models", "compare", "old", "new", "--json").stdout
    [row] = json.loads(whole)["crossed"]
    assert (row["ict_before"], row["ict_after"]) == (0.4975, 0.5175)


def test_a_report_that_cannot_be_written_names_the_path(state: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    ran = run(state, "report", "night", "--report", str(tmp_path / "taken" / "below"))
    assert (ran.exit_code, "place-unusable" in ran.stderr) == (Exit.USAGE, True), ran.output
