"""Networks: registered, promoted while workers run, selected by name."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.exits import Exit
from db.records import ModelRecord
from network.card import shipped_card
from network.figures import compare
from scheduler.errors import ModelWorse
from scheduler.names import is_shipped_name
from scheduler.networks import check_figures
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.networks import make_network
from tests.cli.processed import Processed
from tests.cli.test_processing import processes_of

Start = Callable[..., subprocess.Popen[str]]
SHIPPED = shipped_card().version
SHIPPED_CARD = shipped_card().card
LANDMARKS = SHIPPED_CARD["metrics"]["landmarks"]
ICT = SHIPPED_CARD["metrics"]["ict"]


@pytest.fixture
def films(processed: Processed, tmp_path: Path) -> list[Path]:
    """Return two folders of two valid radiographs each."""
    found = [row["path"] for row in processed.commands.json("results", "--limit", "4")]
    folders = [tmp_path / "first", tmp_path / "second"]
    for number, path in enumerate(found):
        folders[number % 2].mkdir(exist_ok=True)
        shutil.copy(path, folders[number % 2])
    return folders


def served(commands: Commands) -> list[str]:
    return [row["model"] for row in commands.json("models", "list") if row["served"]]


def test_running_workers_use_the_promoted_network(
    commands: Commands, start: Start, films: list[Path], tmp_path: Path
) -> None:
    up = start("up", "--device", "cpu")
    commands.run("submit", films[0], "--batch", "before")
    commands.run("status", "before", "--follow")
    running = processes_of(commands.state)
    registered = commands.run("models", "register", make_network(tmp_path / "made", "ours"))
    assert registered.returncode == 0, registered.stderr
    assert served(commands) == [SHIPPED]

    promoted = commands.run("models", "promote", "ours")
    assert promoted.stdout == f"promoted ours; before: {SHIPPED}\n"
    commands.run("submit", films[1], "--batch", "after")
    ended = commands.run("status", "after", "--follow")
    assert "2 seen = 2 measured" in ended.stdout, ended.stderr

    assert processes_of(commands.state) == running, "nothing was restarted"
    measured = {
        batch: [row["model"] for row in commands.json("results", "--batch", batch)]
        for batch in ("before", "after")
    }
    assert measured == {"before": [SHIPPED, SHIPPED], "after": ["ours", "ours"]}
    assert served(commands) == ["ours"], "submit and status undo no promotion"
    up.send_signal(signal.SIGINT)
    up.communicate(timeout=PATIENCE_SECONDS)


def test_a_submission_with_a_named_network_is_another_batch(
    commands: Commands, films: list[Path], tmp_path: Path
) -> None:
    commands.run("submit", films[0])
    commands.run("models", "register", make_network(tmp_path / "made", "ours"))
    ran = commands.run("submit", films[0], "--model", "ours")
    assert "2 seen = 2 queued + 0 known" in ran.stdout, ran.stderr
    again = commands.run("submit", films[0], "--model", "ours", "--batch", "other")
    known = commands.run("submit", films[0], "--model", "ours", "--batch", "other")
    assert ("remeasure" in again.stderr, "remeasure" in known.stderr) == (False, True)
    first, second, _ = commands.json("status")
    assert second["batch"] == f"{first['batch']}-ours"
    assert (first["waiting"], second["waiting"]) == (2, 2)
    assert served(commands) == [SHIPPED]


@pytest.mark.parametrize("command", ["submit", "process", "watch"])
def test_an_unknown_network_is_not_found_and_nothing_is_queued(
    commands: Commands, films: list[Path], command: str
) -> None:
    ran = commands.run(command, films[0], "--model", "ours")
    assert ran.returncode == Exit.NOT_FOUND
    assert "[model-unknown]" in ran.stderr
    assert commands.json("status") == []


def test_a_registered_network_is_listed_with_parent_and_metrics(
    commands: Commands, tmp_path: Path
) -> None:
    metrics = {
        "landmarks": {"a test": {"cases": 30, "mean": 4.0}, "b test": {"cases": 10, "mean": 8.0}},
        "ict": {"c test": {"cases": 5, "mean_absolute": 0.01}},
    }
    made = make_network(tmp_path / "made", "ours", metrics=metrics)
    for _ in range(2):  # registering it again changes nothing
        assert commands.run("models", "register", made).returncode == Exit.OK
    shipped, ours = commands.json("models", "list")
    assert (shipped["version"], shipped["served"]) == (SHIPPED, True)
    assert shipped["parent"] == shipped_card().card.get("parent")
    assert (ours["version"], ours["served"], ours["parent"]) == ("ours", False, SHIPPED)
    assert (ours["landmark_cases"], ours["landmark_error_px224"]) == (40, 5.0)
    assert (ours["ict_cases"], ours["ict_error"]) == (5, 0.01)
    there = commands.state / "models" / "ours"
    assert (there / "report.html").is_file()
    shutil.rmtree(made)
    assert commands.run("models", "promote", "ours").returncode == Exit.OK


@pytest.mark.parametrize(
    ("metrics", "named"),
    [
        (
            {"landmarks": {"landmarks15 test": {"cases": 144, "mean": 75.0}}, "ict": ICT},
            "75.00, served 4.86 [",
        ),
        ({"landmarks": {"our own": {"cases": 20, "mean": 75.0}}, "ict": ICT}, "sets: 75.00"),
        (
            {"ict": {"wingspan test": {"cases": 41, "mean_absolute": 0.2}}, "landmarks": LANDMARKS},
            "0.2000, served 0.0260",
        ),
        ({"ict": ICT}, "states no landmark error, px of a 224 frame; thoraq-2 has landmark error"),
        ({"landmarks": LANDMARKS}, "states no ICT error; thoraq-2 has ICT error 0.0154"),
        ({"landmarks": {"our own": {"cases": 20, "mean": 10**400}}, "ict": ICT}, "states no"),
        ({"landmarks": {"our own": {"cases": 10**400, "mean": 1.0}}, "ict": ICT}, "states no"),
        ({"landmarks": {"our own": {"cases": 20, "mean": -5.0}}, "ict": ICT}, "states no"),
        (
            {"landmarks": {"our own": {"cases": 0, "mean": 1.0}}},
            "states no landmark error, px of a 224 frame",
        ),
        (
            {"landmarks": {"our own": {"cases": 9, "mean": "nan"}}},
            "states no landmark error, px of a 224 frame",
        ),
        ({}, f"no ICT error; {SHIPPED} has landmark error, px of a 224 frame 4.86"),
        ("of another version", "states no landmark error"),
    ],
)
def test_larger_or_unknown_errors_are_stated_with_those_of_the_served_network(
    metrics: object, named: str
) -> None:
    with pytest.raises(ModelWorse, match=re.escape(named)):
        check_figures(recorded("ours", {"metrics": metrics}), recorded(SHIPPED, SHIPPED_CARD))


def test_a_network_within_the_interval_of_the_served_one_is_not_refused() -> None:
    for mean in (4.0, 5.3):
        metrics = {"landmarks": {"landmarks15 test": {"cases": 144, "mean": mean}}, "ict": ICT}
        found = list(compare({"metrics": metrics}, SHIPPED_CARD))
        assert [each.worse for each in found] == [False] * 3
        check_figures(recorded("ours", {"metrics": metrics}), recorded(SHIPPED, SHIPPED_CARD))


def recorded(version: str, card: Mapping[str, object]) -> ModelRecord:
    return ModelRecord(version, "", card, served=False, registered_at=datetime.now(UTC))


def test_a_network_with_larger_errors_is_promoted_only_with_force(
    commands: Commands, tmp_path: Path
) -> None:
    metrics = {"landmarks": {"landmarks15 test": {"cases": 144, "mean": 75.0}}}
    commands.run("models", "register", make_network(tmp_path / "made", "ours", metrics=metrics))
    refused = commands.run("models", "promote", "ours")
    assert (refused.returncode, "[model-worse]" in refused.stderr) == (Exit.USAGE, True)
    assert served(commands) == [SHIPPED]
    assert commands.run("models", "promote", "ours", "--force").returncode == Exit.OK
    promoted = commands.run("models", "promote", SHIPPED).stdout
    assert promoted == f"promoted {SHIPPED}; before: ours\n"


def test_promotion_can_be_reverted_and_repeating_it_is_reported(
    commands: Commands, tmp_path: Path
) -> None:
    commands.run("models", "register", make_network(tmp_path / "made", "ours"))
    commands.run("models", "promote", "ours")
    assert commands.run("models", "promote", "ours").stdout == "ours is already served\n"
    promoted = commands.run("models", "promote", SHIPPED).stdout
    assert promoted == f"promoted {SHIPPED}; before: ours\n"


def test_a_network_whose_files_are_gone_or_changed_is_not_promoted(
    commands: Commands, tmp_path: Path
) -> None:
    commands.run("models", "register", make_network(tmp_path / "made", "ours"))
    there = commands.state / "models" / "ours"
    (there / "ours.safetensors").write_bytes(b"other")
    changed = commands.run("models", "promote", "ours")
    assert (changed.returncode, "[weights-mismatch]" in changed.stderr) == (Exit.NETWORK, True)
    shutil.rmtree(there)
    gone = commands.run("models", "promote", "ours")
    assert (gone.returncode, "[model-absent]" in gone.stderr) == (Exit.NETWORK, True)
    assert served(commands) == [SHIPPED]


@pytest.mark.parametrize("version", ["thoraq-7", "..", "a b"])
def test_reserved_names_of_networks_are_refused(
    commands: Commands, tmp_path: Path, version: str
) -> None:
    ran = commands.run("models", "register", make_network(tmp_path / "made", version))
    assert (ran.returncode, "[version-reserved]" in ran.stderr) == (Exit.USAGE, True)
    assert [row["version"] for row in commands.json("models", "list")] == [SHIPPED]


def test_the_shipped_network_has_a_reserved_name() -> None:
    assert is_shipped_name(SHIPPED)
