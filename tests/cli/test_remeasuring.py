"""An archive remeasured by another network, and the comparison of both."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.exits import Exit
from network.card import shipped_card
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.networks import make_network
from tests.cli.processed import Processed

Start = Callable[..., subprocess.Popen[str]]
SHIPPED = shipped_card().version


@pytest.fixture
def measured(processed: Processed, tmp_path: Path) -> Commands:
    """Return commands on a copy of a measured database with a second network."""
    state = tmp_path / "state"
    state.mkdir()
    for path in processed.commands.state.iterdir():
        if path.is_file():  # the database, and the key of patient hashes
            shutil.copy(path, state)
    commands = Commands(state)
    commands.run("models", "register", make_network(tmp_path / "made", "ours"))
    return commands


def test_results_of_both_networks_are_listed(measured: Commands, start: Start) -> None:
    before = measured.json("results")
    queued = measured.run("remeasure", "--model", "ours", "--into", "again", "--priority", "urgent")
    count = len(before)
    assert f"{count} selected = {count} queued + 0 known + 0 duplicates" in queued.stdout
    up = start("up", "--device", "cpu")
    ledger = measured.run("status", "again", "--follow")
    assert f"{count} seen = {count} measured + 0 set aside" in ledger.stdout, ledger.stderr
    assert measured.json("status", "again")["balanced"] is True
    up.send_signal(signal.SIGINT)
    up.communicate(timeout=PATIENCE_SECONDS)

    assert measured.json("results", "--model", SHIPPED) == before
    again = measured.json("results", "--model", "ours")
    # Same weights: all figures except the provenance are equal.
    assert {row["radiograph"]: row["ict"] for row in again} == {
        row["radiograph"]: row["ict"] for row in before
    }
    compared = measured.json("models", "compare", SHIPPED, "ours")
    assert (compared["radiographs"], compared["largest_change"]) == (count, 0)
    assert compared["crossed"] == []
    said = measured.run("models", "compare", SHIPPED, "ours").stdout
    assert f"{count} measured by both: 0 now above the threshold, 0 no longer" in said


def test_the_same_command_again_queues_nothing_twice(measured: Commands) -> None:
    words = ("remeasure", "--model", "ours", "--where", "format=dicom")
    chosen = len(measured.json("results", "--where", "format=dicom"))
    assert 0 < chosen < len(measured.json("results"))
    assert f"{chosen} selected = {chosen} queued" in measured.run(*words).stdout
    assert f"{chosen} selected = 0 queued + {chosen} known" in measured.run(*words).stdout
    [_, batch] = measured.json("status")
    assert (batch["batch"].startswith("remeasured-ours-"), batch["balanced"]) == (True, True)
    assert (batch["seen"], batch["waiting"]) == (chosen, chosen)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--model", "nobodys"), Exit.NOT_FOUND, "[model-unknown]"),
        (("--model", "ours", "--batch", "nobodys"), Exit.NOT_FOUND, "[batch-unknown]"),
        (("--model", "ours", "--batch", "BATCH", "--into", "BATCH"), Exit.USAGE, "--into"),
        (("--model", "ours", "--where", "age<18"), Exit.USAGE, "age_years"),
        (("--model", "ours", "--ict-above", "0.99"), Exit.OK, "no result matches"),
    ],
)
def test_files_that_cannot_be_remeasured_are_refused_with_a_reason(
    measured: Commands, words: tuple[str, ...], code: Exit, said: str
) -> None:
    (batch,) = (each["batch"] for each in measured.json("status"))
    ran = measured.run("remeasure", *(batch if word == "BATCH" else word for word in words))
    assert (ran.returncode, said in ran.stderr) == (code, True), ran.stderr
    assert len(measured.json("status")) == 1


def test_comparing_with_an_unknown_network_is_not_found(measured: Commands) -> None:
    ran = measured.run("models", "compare", SHIPPED, "nobodys")
    assert (ran.returncode, "[model-unknown]" in ran.stderr) == (Exit.NOT_FOUND, True)
