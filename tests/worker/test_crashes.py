"""Every radiograph is measured exactly once, whichever process is killed or stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from sqlalchemy import func, select

from db.query.results import find_results
from db.records import Result, ResultFilter
from db.states import Priority
from db.tables import chunk
from scheduler.stack import Stack
from testbed.patience import eventually, gone
from testbed.radiographs import write_radiographs
from testbed.servers.redis import RedisServer
from tests.worker.conftest import Bench, freeze, kill_group, member

FILES = 40
#: How many jobs the worker holds.
HOLDING = "SELECT count(*) FROM job WHERE state = 'running' AND worker LIKE 'cpu0@%'"


def measured(bench: Bench) -> dict[int, Result]:
    return {each.radiograph_id: each for each in find_results(bench.database, ResultFilter())}


def check_each_measured_once(bench: Bench, files: int = FILES) -> None:
    status = bench.status()
    assert (status.seen, status.measured, status.open) == (files, files, 0), status
    assert status.balanced
    results = list(find_results(bench.database, ResultFilter()))
    assert len(results) == len({result.radiograph_id for result in results}) == files


def wait_for_the_middle(bench: Bench, stack: Stack) -> None:
    """Wait until one chunk is running and others are waiting."""

    def in_the_middle() -> bool:
        stack.tend()
        status = bench.status()
        return status.measured > 0 and status.running > 0 and status.queued > 0

    assert eventually(in_the_middle), bench.log()


def test_a_folder_is_measured_once_and_submitting_it_again_measures_nothing(
    either_bench: Bench,
) -> None:
    bench = either_bench
    write_radiographs(bench.archive, FILES)
    with bench.stack() as stack:
        bench.submit(stack)
        bench.finish(stack)
        check_each_measured_once(bench)
        before = measured(bench)
        bench.submit(stack)
        bench.finish(stack)
    check_each_measured_once(bench)
    assert measured(bench) == before
    assert str(bench.archive) not in bench.log()


def test_a_worker_killed_during_a_batch_loses_and_repeats_nothing(
    either_bench: Bench,
) -> None:
    bench = either_bench
    write_radiographs(bench.archive, FILES)
    bench.submit(None)
    with bench.stack() as stack:
        wait_for_the_middle(bench, stack)
        kill_group(member(stack, "cpu0"))
        assert bench.status().measured < FILES
        bench.finish(stack)
        assert [each.restarts for each in stack.members if each.name == "cpu0"] == [1]
    check_each_measured_once(bench)


def test_a_worker_suspended_beyond_its_lease_repeats_nothing(bench: Bench) -> None:
    write_radiographs(bench.archive, FILES)
    bench.submit(None)
    with bench.stack(["cpu", "cpu"]) as stack:
        wait_for_the_middle(bench, stack)
        frozen = freeze(bench, member(stack, "cpu0"), holding=HOLDING)
        started = time.monotonic()
        bench.finish(stack)  # the other worker gets the jobs once the lease has expired
        stopped_for = time.monotonic() - started
        results = {
            each.radiograph_id: each for each in find_results(bench.database, ResultFilter())
        }
        time.sleep(max(0.0, 2 * bench.settings.lease_seconds - stopped_for))
        for process in frozen:
            process.resume()
        assert eventually(lambda: '"chunk"' in bench.log())
        time.sleep(1.0)  # time for the resumed worker to store its jobs, if it could
    check_each_measured_once(bench)
    assert measured(bench) == results


def test_a_killed_broker_keeps_the_queue(bench: Bench, redis_server: RedisServer) -> None:
    write_radiographs(bench.archive, FILES)
    bench.submit(None)
    with bench.stack() as stack:
        wait_for_the_middle(bench, stack)
        redis_server.kill()
        time.sleep(0.5)
        redis_server.start()
        bench.finish(stack)
    check_each_measured_once(bench)


def test_an_emptied_broker_loses_no_work(bench: Bench, redis_server: RedisServer) -> None:
    write_radiographs(bench.archive, FILES)
    bench.submit(None)
    with bench.stack() as stack:
        wait_for_the_middle(bench, stack)
        redis_server.flush()
        bench.finish(stack)
    check_each_measured_once(bench)


def test_a_worker_asked_to_stop_releases_files_it_has_not_begun(bench: Bench) -> None:
    write_radiographs(bench.archive, FILES)
    bench.submit(None)
    with bench.stack() as stack:
        wait_for_the_middle(bench, stack)
    status = bench.status()
    assert status.running == 0  # nothing waits for a lease to expire
    assert status.balanced
    with bench.stack() as stack:
        bench.finish(stack)
    check_each_measured_once(bench)
    attempts = {each.provenance.attempt for each in find_results(bench.database, ResultFilter())}
    assert attempts == {1}


def test_urgent_radiographs_overtake_the_routine_queue(bench: Bench) -> None:
    write_radiographs(bench.archive, 2 * FILES)
    urgent = bench.archive.with_name("urgent")
    write_radiographs(urgent, 4, seed=1)
    with bench.stack() as stack:
        bench.submit(stack)
        wait_for_the_middle(bench, stack)
        bench.submit(stack, urgent, priority=Priority.URGENT)
        assert eventually(lambda: not bench.status(Priority.URGENT).open)
        assert bench.status().queued > 0
        bench.finish(stack)
    assert len(measured(bench)) == 2 * FILES + 4
    with bench.database.read() as connection:
        [taken] = connection.execute(select(chunk).where(chunk.c.priority == Priority.URGENT)).all()
        before = connection.execute(
            select(func.count()).where(chunk.c.claimed_at.between(taken.sent_at, taken.claimed_at))
        ).scalar_one()
    assert before - 1 <= 1  # itself, and one that was about to be claimed when it was sent


@pytest.mark.parametrize("name", ["upkeep", "cpu0"])
def test_a_member_whose_parent_is_killed_leaves_no_process_behind(bench: Bench, name: str) -> None:
    with bench.stack() as stack:
        write_radiographs(bench.archive, FILES)
        bench.submit(stack)
        wait_for_the_middle(bench, stack)
        parent = member(stack, name)
        children = parent.children(recursive=True)
        assert children
        parent.kill()
        assert eventually(lambda: all(gone(child) for child in children))

        def back() -> bool:
            # Until the last file is measured it may not be needed, and not restarted.
            stack.tend()
            return any(each.restarts and each.pid for each in stack.members if each.name == name)

        assert eventually(back)
        bench.finish(stack)
    check_each_measured_once(bench)


OWNER = """
import sys, time
from pathlib import Path
from scheduler.settings import Settings
from scheduler.stack import Stack
with Stack(Settings(), ["cpu"]) as stack:
    print(*(member.pid for member in stack.members), flush=True)
    time.sleep(600)
"""


def test_a_stack_whose_owner_is_killed_ends_by_itself(bench: Bench) -> None:
    environment = {
        **os.environ,  # noqa: TID251 - the edge of a process of this test
        "THORAQ_STATE": str(bench.settings.state),
        "THORAQ_DATABASE_URL": bench.settings.database,
    }
    owner = subprocess.Popen([sys.executable, "-c", OWNER], env=environment, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    members = [psutil.Process(int(pid)) for pid in owner.stdout.readline().split()]
    assert eventually(lambda: all(process.children() for process in members))
    everybody = psutil.Process(owner.pid).children(recursive=True)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    assert len(everybody) >= 5  # broker, upkeep, its timetable, worker, its child
    # A worker that is stopped while it forks its child waits for the child first.
    eventually(lambda: all(gone(process) for process in everybody), 120)
    left = [process.cmdline() for process in everybody if not gone(process)]
    assert left == [], bench.log("upkeep") + bench.log()
