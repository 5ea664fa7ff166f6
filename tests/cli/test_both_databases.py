"""Every command, in every output format, prints the same on SQLite and on PostgreSQL.

Two sites measure the same archive, one per database; then every command runs on both in the same
order, and the output is compared with variable parts masked: times, digests and numbers that
depend on the order of workers.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from cli.exits import Exit
from cli.main import thoraq
from cli.output.vocabulary import FORMER, MEANINGS, OF_IMAGES, OF_MACHINE
from db.database import Database
from db.training.claims import claim_run, record_check, record_phase, release_run
from db.training.runs import find_run
from results.columns import COLUMNS
from scheduler.names import batch_name
from testbed.commands import Commands
from testbed.servers.postgres import PostgresServer
from tests.cli.forked import run_forked
from tests.cli.json_keys import keys_of
from tests.cli.processed import Processed
from tests.cli.trained import CHECK, PHASE, WORSE

#: Commands without a database, or long-running ones covered by other tests.
ELSEWHERE = {
    "bench": "measures in a state folder of its own",
    "dataset check": "reads images alone",
    "dataset explore": "reads images alone",
    "evaluate": "reads images alone",
    "health": "asks the state folder alone",
    "flower": "speaks to the broker alone",
    "listen": "runs until it is stopped: the tests of pacs/ run it on both",
    "logs": "reads log files, and asks for the name of a batch alone",
    "scheduler": "runs until it is stopped: `process` starts it here",
    "up": "runs until it is stopped: `process` starts the same processes here",
    "worker": "runs until it is stopped: `process` starts it here",
}
#: Every JSON key printed by the commands.
KEYS: set[str] = set()
FORMS = ("--table", "--json", "--csv")
#: Keys about radiographs whose judgement changed, of which there are none here.
SELDOM = {"ict_before", "ict_after", "ict_threshold_before", "enlarged_before"}
#: Output that differs between two runs on one database.
VOLATILE = {"measurement", "measured_at", "duration_ms", "worker", "attempt"}

#: Settings of both sites; patient IDs are hashed alike.
SHARED = {"COLUMNS": "100", "THORAQ_PATIENT_KEY": "0123456789abcdef" * 4}

#: The commands in order. ARCHIVE, BATCH, FILMS and NETWORK are replaced by those of the site;
#: OUT is a new folder.
READING = [
    "process ARCHIVE --json",
    "process ARCHIVE",
    *(f"status {form}" for form in FORMS),
    *(f"status BATCH {form}" for form in FORMS),
    "status BATCH --follow",
    *(f"results {form}" for form in FORMS),
    "results --batch BATCH --limit 3 --where age_years>=18 --json",
    "results --patient 12345 --csv",
    "results --where 'ict is null' --columns path,ict_rule --sort path:desc",
    "results --count",
    "results --where 'path contains PH' --count --csv",
    *(f"export --out OUT/all.{ending}" for ending in ("csv", "json", "parquet", "ndjson")),
    "export --dictionary",
    *(f"failures {form}" for form in FORMS),
    "failures BATCH --set-aside --limit 3 --json",
    "failures BATCH --columns code,path --sort code",
    "failures --count --json",
    "failures --path copy --since 2026-01-01 --csv",
    "report BATCH --report OUT/report",
    "report BATCH --out OUT/morning.html",
    "sheet --sort path --out OUT/sheet.png",
    "sheet --batch BATCH --bucket excellent --per-page 3 --limit 5 --out OUT/pages.png",
    "show 1",
    "show 1 --json",
    "show 1 --out OUT/drawn.png",
    *(f"models list {form}" for form in FORMS),
    "db check",
    "db check --json",
    "doctor --json",
]
STEERING = [
    "models register NETWORK",
    "models promote our-own",
    "models promote thoraq-2",
    "remeasure --model our-own --into again",
    *(f"models compare thoraq-2 our-own {form}" for form in FORMS),
    "pause again",
    "status again --json",
    "pause --queue routine",
    "status",
    "recompute --batch BATCH",
    "recompute --dry-run --json",
    "resume again",
    "resume --queue routine",
    "cancel again",
    "retry again",
    "cancel again",
    "retry --code file-unavailable",
    "submit FILMS --batch films",
    "watch FILMS --once --batch watched",
    "train submit --data FILMS --name run",
    "RECORD",
    *(f"train status {form}" for form in FORMS),
    *(f"train status run {form}" for form in FORMS),
    *(f"train log run {form}" for form in FORMS),
    *(f"train compare run {form}" for form in FORMS),
    "train cancel run",
    "train resume run",
    *(f"audit {form}" for form in FORMS),
    "audit --action read --json",
    "forget --batch watched --dry-run --json",
    "forget --patient 12345 --dry-run",
    "forget --batch watched --yes",
    "forget --before 2020-01-01 --json --yes",
    "db backup OUT/copy",
    "db restore OUT/copy --replace",
    "db upgrade",
    "status --json",
]


#: Commands whose output has no variable parts.
EXACT = [
    *(
        f"results --batch BATCH --columns path,ict,ict_rule --sort {order} {form}"
        for order, form in zip(("path", "path:desc", "sha256:desc"), FORMS, strict=True)
    ),
    "results --where 'ict is not null' --columns ict,path --sort ict:desc --limit 7 --csv",
    "results --where 'ict is not null' --columns ict,path --sort ict --limit 7 --json",
    *(f"results --sort {order} --columns bucket --json" for order in ("bucket", "bucket:desc")),
    "results --where \"path like '%/PH%.dcm'\" --columns path --sort path --csv",
    "results --where \"path like '%/ph%.DCM'\" --count",
    "results --where \"path not like '%.dcm'\" --columns path --sort path --json",
    "results --where 'path like %\\_%' --count --json",
    "results --where 'path contains .dcm' --where 'ict>0' --columns path --sort path --csv",
    "results --where 'path contains %' --count --csv",
    "results --where 'age_years is null' --count",
    "results --where 'view is not null' --where view=PA --count",
    *(
        f"failures BATCH --columns path,code,state,detail --sort {order} {form}"
        for order in ("path", "path:desc")
        for form in ("--json", "--csv")
    ),
    *(f"failures --sort {order} --columns code --csv" for order in ("code", "code:desc")),
    *(f"failures BATCH --set-aside --count {form}" for form in FORMS),
]


@dataclass(frozen=True, slots=True)
class Site:
    """One installation, and the values of the placeholders of cases."""

    commands: Commands
    url: str
    out: Path
    words: dict[str, str]

    def run(self, case: str) -> str:
        """Run one case; return its output."""
        if case == "RECORD":
            return self.record()
        words = [
            re.sub("|".join(self.words), lambda found: self.words[found[0]], word)
            for word in shlex.split(case)
        ]
        ran = (
            self.commands.run(*words)  # starts processes
            if words[0] == "process"
            else run_forked(words, self.commands.environment)
        )
        assert ran.returncode == Exit.OK, f"{case}: {ran.stdout}{ran.stderr}"
        if "--json" in words:
            KEYS.update(keys_of(json.loads(ran.stdout)))
        return ran.stdout

    def record(self) -> str:
        """Write the state of a training run after its first check."""
        database = Database.open(self.url)
        run = find_run(database, "run")
        claim = claim_run(database, run.id, "training0@host", "cpu", 60.0)
        assert claim is not None
        assert record_check(database, claim.owner, CHECK)
        assert all(record_phase(database, claim.owner, phase) for phase in (PHASE, WORSE))
        assert release_run(database, claim.owner)
        return ""


@pytest.fixture(scope="module")
def sites(
    processed: Processed,
    films: Path,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Site, Site]]:
    """Yield a site on SQLite and one on PostgreSQL."""
    url = postgres_server.create()
    made = []
    for name, extra in (("sqlite", {}), ("postgresql", {"THORAQ_DATABASE_URL": url})):
        folder = tmp_path_factory.mktemp(name)
        commands = Commands(folder / "state", {**extra, **SHARED})
        (folder / "out").mkdir()
        words = {
            "ARCHIVE": str(processed.archive),
            "BATCH": batch_name([processed.archive]),
            "FILMS": str(films),
            "NETWORK": str(processed.world.folder / "our-own"),
            "OUT": str(folder / "out"),
        }
        own = f"sqlite:///{commands.state / 'thoraq.db'}"
        made.append(Site(commands, extra.get("THORAQ_DATABASE_URL", own), folder, words))
    yield made[0], made[1]
    postgres_server.drop(url)


@pytest.mark.timeout(900)  # more than a hundred commands
def test_every_command_prints_the_same_on_both_databases(sites: tuple[Site, Site]) -> None:
    for case in READING + STEERING:
        here, there = (said(each, case) for each in sites)
        assert here == there, case


def test_the_results_are_the_same_on_both_databases(sites: tuple[Site, Site]) -> None:
    here, there = (
        {
            row["sha256"]: {name: row[name] for name in row if name not in VOLATILE}
            for row in csv.DictReader(io.StringIO(each.run("results --csv")))
        }
        for each in sites
    )
    assert here
    differing = {
        (name, row[name], there[sha256][name])
        for sha256, row in here.items()
        for name in row
        if row[name] != there[sha256][name]
    }
    assert differing == set()


@pytest.mark.timeout(600)
def test_sorted_filtered_and_counted_output_is_identical(
    sites: tuple[Site, Site],
) -> None:
    for site in sites:
        site.run("process ARCHIVE")  # measures the remaining files
    for case in EXACT:
        here, there = (each.run(case) for each in sites)
        assert here == there, case
        assert here.strip(), case  # not empty
    written = []
    for site in sites:
        site.run("export --columns path,ict,l1_midline_apex_x --sort path:desc --out OUT/s.csv")
        written.append((site.out / "out" / "s.csv").read_text())
    assert written[0] == written[1]
    assert len(written[0].splitlines()) > 2


def test_every_command_has_its_case() -> None:
    asked = {name for case in READING + STEERING for name in leaves(thoraq) if begins(case, name)}
    assert asked | set(ELSEWHERE) == set(leaves(thoraq))
    assert not asked & set(ELSEWHERE)


def test_every_format_of_every_command_has_its_case() -> None:
    for name, command in leaves(thoraq).items():
        options = {word for each in command.params for word in each.opts}
        for form in {"--json", "--csv"} & options if name not in ELSEWHERE else ():
            assert any(
                begins(case, name) and form in case.split() for case in READING + STEERING
            ), f"{name} {form}"


def test_every_json_key_is_documented_once(sites: tuple[Site, Site]) -> None:
    assert "seen" in KEYS, "after the commands have run"
    columns = {column.name for column in COLUMNS}
    parts = {key for key in KEYS if key.startswith("loss_") and key not in MEANINGS}
    assert parts <= {f"loss_{part}" for part in CHECK.loss_parts}
    told = columns | set(MEANINGS) | set(FORMER)
    assert KEYS - parts - told == set()
    # One site has no changed judgement and nothing absent.
    assert set(MEANINGS) - KEYS == SELDOM
    assert not set(MEANINGS) & columns
    assert not set(MEANINGS) & set(FORMER)
    for others in (OF_MACHINE, OF_IMAGES):
        assert not set(others) & (columns | set(MEANINGS) | set(FORMER))
    assert not set(OF_MACHINE) & set(OF_IMAGES)
    del sites


def begins(case: str, name: str) -> bool:
    """Return whether a case runs the command ``name``."""
    return case.split()[: len(name.split())] == name.split()


def leaves(group: click.Group, before: str = "") -> dict[str, click.Command]:
    """Return every command by its full name."""
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= leaves(command, f"{before}{name} ")
        else:
            found[before + name] = command
    return found


def said(site: Site, case: str) -> object:
    """Return the output of a command with variable parts masked."""
    text = site.run(case)
    text = text.replace(str(site.out), "SITE").replace(os.path.realpath(site.out), "SITE")
    text = text.replace("SITE/state/thoraq.db", "THE DATABASE")
    text = text.replace("THORAQ_DATABASE_URL", "THE DATABASE")
    if "--json" in case.split():
        return shape(json.loads(text))
    text = re.sub(r"[0-9a-f]{8,}", "#", text)
    return sorted(" ".join(re.sub(r"[\d.:+-]+", "#", line).split()) for line in text.splitlines())


def shape(value: Any) -> object:
    """Return the keys and types of a JSON value; a list becomes the set of its items."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        kinds: list[object] = []
        for each in map(shape, value):
            if each not in kinds:
                kinds.append(each)
        return sorted(kinds, key=repr)
    return type(value).__name__
