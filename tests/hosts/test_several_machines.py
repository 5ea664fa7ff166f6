"""Several machines, set up as documented: measuring, lost, disconnected and slow.

Each machine is a network namespace with its own name, address, state folder and link.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.exits import Exit
from db.query.results import find_results
from db.records import ResultFilter
from testbed.commands import Commands
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from tests.chaos import witness
from tests.hosts.namespaces import Network, NoNamespaces
from tests.hosts.site import Site

#: Claims files of a batch, and locks their rows in a transaction that does not end.
VANISHING_WRITER = """
import sys, time
from sqlalchemy import select
from db.claims import claim_chunk
from db.database import Database
from db.tables import batch, chunk, job
from scheduler.settings import read_settings

database = Database.open(read_settings().database)
with database.read() as connection:
    of_batch = select(batch.c.id).where(batch.c.name == sys.argv[1]).scalar_subquery()
    [number, *_] = connection.execute(
        select(chunk.c.id).where(chunk.c.batch_id == of_batch).order_by(chunk.c.id)
    ).scalars()
claim = claim_chunk(database, number, "cpu0@vanished", 4.0)
with database.write() as connection:
    connection.execute(select(job.c.id).where(job.c.owner == claim.owner).with_for_update()).all()
    print("holding", flush=True)
    time.sleep(1000)
"""
#: Prints repeatedly which parts do not answer, a line each time.
LOOKOUT = """
import time
from scheduler.absences import find_absences
from scheduler.settings import read_settings

while True:
    print([str(each.part) for each in find_absences(read_settings()) or ()], flush=True)
    time.sleep(0.5)
"""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Return a switch; skip without namespaces, but fail for root in CI."""
    try:
        with Network() as made:
            yield made
    except NoNamespaces as missing:
        if os.environ.get("CI") and os.geteuid() == 0:  # noqa: TID251 - the edge of the tests
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of ten radiographs, a copy of one, and another file."""
    folder = tmp_path_factory.mktemp("archive") / "archive"
    write_radiographs(folder, 10)
    (folder / "copy.png").write_bytes((folder / "0-0000.png").read_bytes())
    (folder / "broken.png").write_bytes((folder / "0-0001.png").read_bytes()[:500])
    (folder / "letter.txt").write_text("not a radiograph", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def site(
    network: Network, archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Return the machines of the documentation, with everything running."""
    with Site(network, tmp_path_factory.mktemp("site"), archive).open() as opened:
        yield opened


def all_measured_once(site: Site, batch: str, count: int) -> bool:
    """Return whether a batch of radiographs has ended, and nothing on the site was repeated."""
    ledger = site.status(batch)
    ended = (ledger.seen, ledger.measured, ledger.open) == (count, count, 0)
    return ended and witness.testify(site.database).twice == 0


def test_the_documented_setup_measures_a_folder_like_one_machine(
    site: Site, archive: Path, tmp_path: Path
) -> None:
    alone = Commands(tmp_path / "alone")
    assert alone.run("process", archive, "--batch", "alone").returncode == Exit.OK
    [of_one] = alone.json("status")

    assert site.manual.names == {
        *("redis.conf", "postgresql.conf", "pg_hba.conf", "role", "thoraq.env"),
        *("scheduler", "worker", "operator"),
    }
    printed = ""
    for number, words in enumerate(site.manual.commands("operator")):
        named = re.search(r"^batch (\S+?):", printed, re.MULTILINE)
        found = [named[1] if named and word == "BATCH" else word for word in words]
        told = site.follow(site.operator, found)
        if number == 0:
            assert "scheduler and workers answer" in told
            assert "at THORAQ_BROKER_URL" in told
            assert "FAIL" not in told
        printed += told
    [of_all] = json.loads(site.operator.run("status", "--json").stdout)

    counts = ("seen", "measured", "set_aside", "failed", "duplicates", "waiting", "running")
    assert {name: of_all[name] for name in counts} == {name: of_one[name] for name in counts}
    assert (of_all["measured"], of_all["duplicates"]) == (10, 1)
    expected = {each["sha256"]: each["ict"] for each in alone.json("results")}
    results = list(find_results(site.database, ResultFilter()))
    # A command prints four digits of it.
    found_ict = {each.sha256: each.measurement.ict.value or 0.0 for each in results}
    assert {sha256: round(ict, 4) for sha256, ict in found_ict.items()} == expected
    said = witness.testify(site.database)
    assert (said.twice, said.unexplained) == (0, 0)


def test_a_slow_link_completes_the_batch_and_no_process_is_reported_absent(
    site: Site, tmp_path: Path
) -> None:
    site.keeper.limit("256kbit")
    lookout = site.operator.start_python(LOOKOUT)
    try:
        write_radiographs(tmp_path / "slow", 12, seed=1)
        site.submit(tmp_path / "slow", "slow")
        assert site.ends("slow"), site.status("slow")
        checks = site.operator.checks()
    finally:
        lookout.kill()
        site.keeper.unlimit()
    assert all_measured_once(site, "slow", 12)
    assert checks["processes"]["found"] == "scheduler and workers answer"
    looks = site.operator.log("-c").splitlines()
    assert len(looks) > 5
    assert set(looks) == {"[]"}


def test_every_process_survives_an_interrupted_link(site: Site, tmp_path: Path) -> None:
    first, second = site.workers
    site.freeze()
    write_radiographs(tmp_path / "cut", 24, seed=2)
    site.submit(tmp_path / "cut", "cut")
    following = site.operator.start("status", "cut", "--follow")
    assert eventually(lambda: "measuring" in site.operator.log("status"))
    first.host.signal(signal.SIGCONT)
    site.freeze_holding(first, "cut")
    site.keeper.cut()
    try:
        for each in (first, second):
            each.host.signal(signal.SIGCONT)
        checks = site.operator.checks()
        assert following.poll() is None, site.operator.log("status")
    finally:
        site.keeper.mend()

    assert (checks["broker"]["ok"], checks["database"]["ok"]) == (False, False)
    assert "broker-unavailable" in checks["broker"]["found"]
    assert "processes" not in checks
    assert site.ends("cut"), site.status("cut")
    assert all_measured_once(site, "cut", 24)
    assert following.wait(60) == Exit.OK, site.operator.log("status")
    said = site.operator.log("status")
    assert "24 seen = 24 measured" in said
    assert "Traceback" not in said
    assert site.exited() == []
    assert eventually(lambda: site.operator.checks()["processes"]["ok"])


def test_files_of_a_vanished_machine_are_requeued_and_nothing_is_repeated(
    site: Site, tmp_path: Path
) -> None:
    first, second = site.workers
    write_radiographs(tmp_path / "vanishing", 24, seed=4)
    first.host.signal(signal.SIGSTOP)  # otherwise it might be faster and claim all
    site.submit(tmp_path / "vanishing", "vanishing")
    site.freeze_holding(second, "vanishing")
    first.host.signal(signal.SIGCONT)
    second.host.cut()
    second.host.signal(signal.SIGCONT)
    assert site.ends("vanishing"), site.status("vanishing")
    assert all_measured_once(site, "vanishing", 24)
    assert site.operator.checks()["processes"]["ok"]  # another worker answers

    second.host.mend()
    write_radiographs(tmp_path / "killed", 24, seed=5)
    first.host.signal(signal.SIGSTOP)
    site.submit(tmp_path / "killed", "killed")
    site.freeze_holding(second, "killed")  # which is back at work
    first.host.signal(signal.SIGCONT)
    second.host.signal(signal.SIGKILL)
    assert site.ends("killed"), site.status("killed")
    assert all_measured_once(site, "killed", 24)

    # A writer is lost during a transaction; everything else continues despite its locks.
    first.host.signal(signal.SIGSTOP)
    write_radiographs(tmp_path / "locked", 4, seed=3)
    site.submit(tmp_path / "locked", "locked")
    lost = site.machine("lost", "10.0.0.5")
    lost.start_python(VANISHING_WRITER, "locked")
    assert eventually(lambda: "holding" in lost.log("-c")), lost.log("-c")
    lost.host.cut()
    lost_at = time.monotonic()
    first.host.signal(signal.SIGCONT)
    write_radiographs(tmp_path / "around", 4, seed=6)
    site.submit(tmp_path / "around", "around")
    assert site.ends("around"), site.status("around")
    assert site.ends("locked", lost_at + 60 - time.monotonic()), site.status("locked")
    assert all_measured_once(site, "locked", 4)
    assert site.connections_of(lost.host.address) == 0
    assert "fault of thoraq" not in first.log("worker") + site.operator.log("scheduler")
