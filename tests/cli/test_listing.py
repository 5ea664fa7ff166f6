"""Lists with selected columns, sorted, or counted."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from testbed.commands import Commands
from tests.cli.forked import run_forked
from tests.cli.hostile import NAME, make_hostile


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """Return commands on a state with six results and two failures."""
    return Commands(make_hostile(tmp_path_factory.mktemp("listing")).state)


def said(filled: Commands, *words: str) -> str:
    ran = run_forked(words, filled.environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


#: Lists without a database query, with a command that prints two or more rows.
HELD = {
    "status": ("status",),
    "audit": ("audit",),
    "models list": ("models", "list"),
    "models compare": ("models", "compare", NAME, f"{NAME}2"),
    "train status": ("train", "status"),
    "train log": ("train", "log", f"{NAME} failed"),
}


@pytest.mark.parametrize("command", HELD.values(), ids=HELD)
def test_every_list_takes_its_columns_in_any_order_and_sorts_by_each(
    filled: Commands, command: tuple[str, ...]
) -> None:
    def rows(*words: str) -> list[dict[str, Any]]:
        found = json.loads(said(filled, *command, *words, "--json"))
        return found["crossed"] if isinstance(found, dict) else found

    plain = rows()
    assert plain
    names = [name for name in plain[0] if not name.startswith("loss_")]
    turned = rows("--columns", ",".join(reversed(names)))
    assert turned == [{name: row[name] for name in names} for row in plain]
    assert [list(row) for row in turned] == [names[::-1]] * len(plain)
    refused = run_forked((*command, "--columns", "nothing-alike"), filled.environment)
    assert refused.returncode == Exit.USAGE
    assert f"the columns are: {', '.join(names)}" in " ".join(refused.stderr.split())
    for name in names[:3] + names[-2:]:
        for direction in ("", ":desc"):
            ordered = [row[name] for row in rows("--sort", name + direction)]
            present = [each for each in ordered if each is not None]
            assert present == sorted(present, reverse=bool(direction)), name
            assert None not in ordered[: len(present)], "absent values are last"
    heading, *_ = said(filled, *command, "--columns", names[0], "--table").splitlines()
    assert heading.split() == names[0].split("_")


@pytest.mark.parametrize("name", sorted(HELD.keys() - {"models compare"}))
def test_every_list_is_counted(filled: Commands, name: str) -> None:
    rows = json.loads(said(filled, *HELD[name], "--json"))
    assert said(filled, *HELD[name], "--count") == f"{len(rows)}\n"
    assert json.loads(said(filled, *HELD[name], "--count", "--json")) == {"count": len(rows)}


def test_a_limited_audit_log_is_sorted_before_the_limit(filled: Commands) -> None:
    every = json.loads(said(filled, "audit", "--sort", "action", "--json"))
    assert (
        json.loads(said(filled, "audit", "--sort", "action", "--limit", "1", "--json"))
        == (every[:1])
    )
    newest = json.loads(said(filled, "audit", "--limit", "1", "--json"))
    assert newest != every[:1]
    assert said(filled, "audit", "--limit", "1", "--count") == "1\n"


@pytest.mark.parametrize(
    "words", [("status", NAME), ("train", "status", f"{NAME} failed")], ids=["batch", "run"]
)
def test_list_options_are_refused_for_a_single_row(
    filled: Commands, words: tuple[str, ...]
) -> None:
    for more in (["--count"], ["--sort", "created_at"], ["--columns", "created_at"]):
        ran = run_forked((*words, *more), filled.environment)
        assert ran.returncode == Exit.USAGE
        assert "apply to the list" in ran.stderr


@pytest.mark.parametrize("command", ["results", "failures"])
def test_every_format_has_the_selected_columns(filled: Commands, command: str) -> None:
    names = ["radiograph", "path"]
    table, printed, as_json = (
        said(filled, command, "--columns", "radiograph, path", form)
        for form in ("--table", "--csv", "--json")
    )
    assert table.splitlines()[0].split() == names
    assert next(csv.reader(io.StringIO(printed))) == names
    assert [list(row) for row in json.loads(as_json)] == [names] * len(json.loads(as_json))


def test_sorted_results_are_printed_in_their_order(filled: Commands) -> None:
    rows = json.loads(said(filled, "results", "--sort", "ict:desc", "--json"))
    indices = [row["ict"] for row in rows]
    assert indices == sorted(indices, reverse=True)
    assert len(set(indices)) > 1


@pytest.mark.parametrize("command", ["results", "failures"])
def test_a_count_is_the_number_of_rows(filled: Commands, command: str) -> None:
    rows = json.loads(said(filled, command, "--json"))
    assert said(filled, command, "--count") == f"{len(rows)}\n"
    assert json.loads(said(filled, command, "--count", "--json")) == {"count": len(rows)}
    assert said(filled, command, "--count", "--csv") == f"count\n{len(rows)}\n"
    assert said(filled, command, "--count", "--limit", "1") == "1\n"


def test_an_export_holds_the_named_columns_in_order(filled: Commands, tmp_path: Path) -> None:
    for ending in ("csv", "json", "parquet"):
        out = tmp_path / f"few.{ending}"
        said(filled, "export", "--columns", "ict,model", "--sort", "ict", "--out", str(out))
        assert out.stat().st_size
    rows = json.loads((tmp_path / "few.json").read_text())
    assert [list(row) for row in rows] == [["ict", "model"]] * len(rows)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["results", "--columns", "ict,pth"], "did you mean path"),
        (["results", "--sort", "itc"], "did you mean ict"),
        (["failures", "--columns", "cod"], "did you mean code"),
        (["results", "--where", "path like 'x"], "at character 11"),
    ],
)
def test_a_misspelt_column_gets_a_suggestion(filled: Commands, words: list[str], hint: str) -> None:
    ran = run_forked(words, filled.environment)
    assert ran.returncode == Exit.USAGE
    assert hint in " ".join(ran.stderr.split())


def test_one_batch_and_the_list_of_batches_use_the_same_keys(filled: Commands) -> None:
    [first, *_] = json.loads(said(filled, "status", "--json"))
    one = json.loads(said(filled, "status", first["batch"], "--json"))
    shared = set(first) - {"paused"}  # a ledger has the time instead
    assert shared <= set(one)
    assert {name: one[name] for name in shared} == {name: first[name] for name in shared}
    assert one["queued"] == one["waiting"]
