"""Results judged with other settings than the current ones: their report and recomputation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from sqlalchemy import update

from cli.exits import Exit
from db.database import Database
from db.tables import measurement
from radiograph.measures.ict import judge
from radiograph.measures.values import OF_POINTS
from radiograph.records import Bucket, IctThresholds, View
from testbed.commands import Commands
from testbed.records import claim, measured, seen, send, store, submit
from testbed.records import measurement as film_measured
from tests.cli.forked import run_forked

ASSUME_PA = {"THORAQ_ICT_ASSUME_PA": "true"}
ASSUME_BOTH = {**ASSUME_PA, "THORAQ_ICT_ASSUME_ADULT": "true"}
#: Of seven radiographs two have view and age; five have an index above 0.5.
HEADERS = [
    *((0.45, View.PA, 40.0),) * 2,
    *((0.55, View.UNKNOWN, None),) * 3,
    (0.55, View.UNKNOWN, 40.0),
    (0.55, View.PA, None),
]


@pytest.fixture
def archive(database: Database) -> Database:
    """Return seven measured radiographs, most with unknown view or age."""
    submit(database, [seen(n) for n in range(len(HEADERS))], chunk_size=8)
    [chunk_id] = send(database)
    taken = claim(database, chunk_id)
    outcomes = []
    for job, (value, view, age) in zip(taken.jobs, HEADERS, strict=True):
        made = film_measured(ict=value, bucket=Bucket.EXCELLENT)
        rule, threshold, enlarged = judge(value, view, age, IctThresholds())
        ict = replace(made.ict, rule=rule, threshold=threshold, enlarged=enlarged)
        outcomes.append(measured(job, replace(made, ict=ict), view=view, age_years=age))
    store(database, taken, outcomes)
    return database


class Shell:
    """Runs commands on a database, each with its settings."""

    def __init__(self, url: str, folder: Path) -> None:
        self.environment = Commands(folder, {"THORAQ_DATABASE_URL": url}).environment

    def run(self, words: str, settings: dict[str, str] | None = None) -> CompletedProcess[str]:
        """Run one command to its end."""
        ran = run_forked(words.split(), self.environment | (settings or {}))
        assert ran.returncode == Exit.OK, ran.stderr
        return ran


@pytest.fixture
def shell(archive: Database, database_url: str, tmp_path: Path) -> Shell:
    """Return a shell on that archive."""
    del archive
    return Shell(database_url, tmp_path)


def test_the_summary_and_an_empty_list_name_the_reasons_and_the_settings(shell: Shell) -> None:
    remedy = (
        "THORAQ_ICT_ASSUME_PA=true treats unknown views as PA, THORAQ_ICT_ASSUME_ADULT=true treats"
        " unknown ages as adult: set it, then run `thoraq recompute`"
    )
    said = ["5 without a threshold: 4 view unknown (3 of them age too), 1 age unknown", remedy]
    summary = shell.run("status night")
    assert "0 of 2 with a threshold" in summary.stdout
    assert [line in summary.stdout.splitlines() for line in said] == [True, True], summary.stdout
    empty = shell.run("results --enlarged")
    assert [line in empty.stderr.splitlines() for line in said] == [True, True], empty.stderr
    # No result has other settings, and no other list mentions it.
    assert "today" not in summary.stderr + empty.stderr
    assert shell.run("results").stderr == ""
    rules = json.loads(shell.run("status night --json").stdout)["ict_rules"]
    assert (rules["none-view-unknown"], rules["none-age-unknown"], rules["adult-pa"]) == (4, 1, 2)


def test_changed_settings_are_reported_until_results_are_recomputed(shell: Shell) -> None:
    notice = "results were computed with other ICT settings than the current ones: `thoraq"
    for words in ("status", "status night", "results", "results --batch night --limit 1"):
        for settings, count in ((ASSUME_PA, 4), (ASSUME_BOTH, 5), ({"THORAQ_ICT_ADULT": "0.4"}, 2)):
            assert f"{count} {notice}" in shell.run(words, settings).stderr, (words, settings)
    assert json.loads(shell.run("status --json", ASSUME_BOTH).stdout)[0]["outdated"] == 5
    assert json.loads(shell.run("status night --json", ASSUME_BOTH).stdout)["outdated"] == 5
    assert shell.run("results --json", ASSUME_BOTH).stderr == ""

    line = "7 results, 5 {}: 5 now above their threshold, 0 no longer above, 5 newly compared"
    dry = shell.run("recompute --dry-run", ASSUME_BOTH).stdout.splitlines()
    assert dry[0].startswith(line.format("would change"))
    assert dry[1].startswith("  now above 0.5: ICT 0.550, radiograph ")
    assert len(dry) == 6
    assert f"5 {notice}" in shell.run("status", ASSUME_BOTH).stderr
    done = shell.run("recompute", ASSUME_BOTH).stdout
    assert done.startswith(line.format("changed"))

    assert notice not in shell.run("status", ASSUME_BOTH).stderr
    assert len(json.loads(shell.run("results --enlarged --json", ASSUME_BOTH).stdout)) == 5
    assert "ICT above its threshold: 5 of 7" in shell.run("status night", ASSUME_BOTH).stdout
    again = json.loads(shell.run("recompute --json", ASSUME_BOTH).stdout)
    assert (again["results"], again["changed"], again["crossed"]) == (7, 0, [])
    # Without the settings, in the opposite direction.
    assert f"5 {notice}" in shell.run("results").stderr
    assert "changed 5" in shell.run("audit").stdout


def test_missing_measures_are_reported_until_recomputed(archive: Database, shell: Shell) -> None:
    measured_before(archive)
    notice = f"7 results lack {' and '.join(OF_POINTS)}, added to thoraq after they were"
    for words in ("status", "status night", "results", "results --batch night --limit 1"):
        assert notice in shell.run(words).stderr, words
    for words in ("status --json", "results --json", "results --csv", "results --count"):
        assert shell.run(words).stderr == "", words
    for name in OF_POINTS:
        assert shell.run(f"results --count --where {name}!=").stdout == "0\n"

    dry = shell.run("recompute --dry-run").stdout
    assert dry.startswith("7 results, 0 would change")
    assert "; 7 would be given missing measures" in dry
    assert notice in shell.run("status").stderr
    assert "; 7 given missing measures" in shell.run("recompute").stdout
    assert json.loads(shell.run("recompute --json").stdout)["filled"] == 0
    assert "filled 7" in shell.run("audit").stdout

    assert notice not in shell.run("status").stderr + shell.run("results").stderr
    for name in OF_POINTS:
        assert shell.run(f"results --count --where {name}!=").stdout == "7\n"
        [highest] = json.loads(shell.run(f"results --sort {name}:desc --limit 1 --json").stdout)
        assert highest[name] is not None
        assert shell.run(f"results --columns {name} --csv").stdout.startswith(f"{name}\n")


def measured_before(db: Database) -> None:
    """Remove the measures of points, as in results of an older schema."""
    with db.write() as connection:
        connection.execute(update(measurement).values(dict.fromkeys(OF_POINTS)))


def test_missing_measures_are_counted_per_measure(archive: Database, shell: Shell) -> None:
    first, *others = OF_POINTS
    with archive.write() as connection:
        connection.execute(update(measurement).values({first: None}))
        one = update(measurement).where(measurement.c.id == 1)
        connection.execute(one.values(dict.fromkeys(others)))
    said = shell.run("status").stderr
    assert f"7 results lack {first}, added to" in said
    assert f"1 result lacks {' and '.join(others)}, added to thoraq after it was" in said


def test_show_marks_a_value_outside_its_normal_range(archive: Database, shell: Shell) -> None:
    values = {1: (7.54, 0.057), 2: (-7.6, 0.0576)}
    for id_, (tilt, asymmetry) in values.items():
        with archive.write() as connection:
            one = update(measurement).where(measurement.c.id == id_)
            connection.execute(one.values(tilt_degrees=tilt, asymmetry=asymmetry))
    normal, other = (shell.run(f"show {id_}").stdout.splitlines() for id_ in values)
    assert "tilt degrees              7.5" in normal
    assert "asymmetry                 0.057" in normal
    assert "tilt degrees              -7.6 (outside the normal range, -7.5 to 7.5)" in other
    assert "asymmetry                 0.058 (outside the normal range, -0.072 to 0.057)" in other


def test_an_empty_selection_is_reported_and_not_audited(shell: Shell) -> None:
    assert "no result matches" in shell.run("recompute --ict-above 0.99").stderr
    assert "recompute" not in shell.run("audit").stdout
