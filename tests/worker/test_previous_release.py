"""Rows of the previous release, upgraded during a night, are completed under this one."""

from __future__ import annotations

import pytest

from db import schema
from db.records import BatchStatus
from db.states import RunState
from db.training.claims import claim_run, finish_run
from db.training.runs import find_run
from network.card import shipped_card
from scheduler.messages import MEASURE, ROUTINE_QUEUE, measure_message
from testbed.patience import eventually
from testbed.previous_release import ENDINGS, RUN, previous_revision, write_previous
from testbed.radiographs import write_radiographs
from tests.chaos import witness
from tests.worker.conftest import Bench

pytestmark = pytest.mark.slow


def test_running_work_of_the_previous_release_is_completed_once_under_this_one(
    either_bench: Bench,
) -> None:
    bench, url = either_bench, either_bench.settings.database
    write_radiographs(bench.archive, len(ENDINGS))
    files = sorted(bench.archive.iterdir())
    bench.database.dispose()
    sent = write_previous(url, files, shipped_card().version)
    assert schema.check(url).current == previous_revision()

    assert schema.upgrade(url).up_to_date

    witness.call_witness(bench.database)
    with bench.stack() as stack:
        # The previous release's message is still in the queue.
        message = measure_message(sent)
        stack.app.send_task(MEASURE, kwargs=message, queue=ROUTINE_QUEUE)
        ledger: BatchStatus = bench.finish(stack)
        assert eventually(lambda: find_run(bench.database, RUN).state is RunState.QUEUED)
    left = [each for each in ENDINGS if each in {"failed", "set aside", "cancelled"}]
    assert ledger.measured == len(ENDINGS) - len(left), bench.log()
    assert (ledger.failed, ledger.set_aside, ledger.cancelled) == (1, 2, 1)
    assert (ledger.duplicates, ledger.seen) == (1, len(ENDINGS) + 2)
    assert ledger.balanced
    said = witness.testify(bench.database)
    assert (said.twice, said.unexplained) == (0, 0)
    assert "Traceback" not in bench.log() + bench.log("upkeep")

    run = find_run(bench.database, RUN)
    assert (run.attempts, run.code) == (1, "training-worker-lost")
    claim = claim_run(bench.database, run.id, "training0@host", "cpu", 60.0)
    assert claim is not None
    finish_run(bench.database, claim.owner, None)
    assert find_run(bench.database, RUN).state is RunState.FINISHED
