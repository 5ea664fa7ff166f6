"""The real Flower shows chunks with names and outcomes, and no upkeep."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from db.intake import open_batch
from db.states import Priority
from scheduler.app import create_app
from scheduler.events import shown_name
from scheduler.intake.submission import enqueue
from testbed.commands import PATIENCE_SECONDS, Commands
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from tests.cli.test_running import free_port, page
from tests.worker.conftest import Bench

NAME = "ward 7 <script>alert('x')</script>\x1b[2J"


@pytest.mark.slow
def test_flower_shows_chunks_with_batch_name_and_outcome_and_no_upkeep(
    bench: Bench, tmp_path: Path
) -> None:
    # On a busy machine chunks would be sent again, and appear twice on the page.
    bench.settings = bench.settings.model_copy(
        update={"resend_seconds": 600.0, "lease_seconds": 60.0}
    )
    write_radiographs(bench.archive, 5)
    for number in range(2):
        (bench.archive / f"1-{number}.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken%d" % number)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken too")
    broker = bench.settings.broker_url
    assert broker is not None
    extra = {
        "THORAQ_BROKER_URL": broker.get_secret_value(),
        "THORAQ_FLOWER_PASSWORD": "sesame",  # its API requires a password
    }
    port = free_port()

    def asked(place: str, holding: str) -> str:
        return page(f"http://127.0.0.1:{port}/{place}", holding, user="thoraq:sesame")

    flower = Commands(tmp_path / "watching", extra).start("flower", "--port", str(port))
    try:
        with bench.stack() as stack:
            # Flower knows the worker's name once it receives events, requested twice.
            asked("workers", "cpu0@")
            asked("workers", "upkeep@")
            time.sleep(6)
            for name, folder in ((NAME, bench.archive), ("broken", broken)):
                batch = open_batch(bench.database, name, Priority.ROUTINE)
                enqueue(bench.database, [folder], batch, bench.settings, app=stack.app)

            def tasks() -> list[dict[str, Any]]:
                stack.tend()
                said = asked("api/tasks", "{")
                return list(json.loads(said).values())

            def ended() -> bool:
                return [each["state"] in ("SUCCESS", "FAILURE") for each in tasks()] == [True] * 3

            assert eventually(ended, 120), (tasks(), bench.log())
            time.sleep(2)  # Celery's own events of a task are delayed
            found = {each["name"]: (each["state"], each["result"]) for each in tasks()}
            metrics = asked("metrics", "flower_events_total")
    finally:
        flower.send_signal(signal.SIGTERM)
        flower.communicate(timeout=PATIENCE_SECONDS)
    harmless = r"ward 7 _script_alert(_x_)_/script_\x1b[2J"
    assert {name: state for name, (state, _) in found.items()} == {
        f"{harmless} · 4 radiographs": "SUCCESS",
        f"{harmless} · 3 radiographs": "SUCCESS",
        "broken · 1 radiograph": "FAILURE",
    }
    assert found["broken · 1 radiograph"][1] == "measured 0, set aside 0, failed 1"
    counts = [list(map(int, re.findall(r"\d+", result))) for _, result in found.values()]
    assert list(map(sum, zip(*counts, strict=True))) == [5, 0, 3]
    # They are counted by kind, so that names do not accumulate in memory.
    assert "thoraq.measure_chunk" in metrics
    assert "ward" not in metrics


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("tonight", "tonight · 64 radiographs"),
        ("<b>&amp;\"'`", "_b__amp;___ · 64 radiographs"),
        ("a\nb\u202e\x9b", r"a\nb\u202e\x9b · 64 radiographs"),
        ("x" * 10_000, "x" * 79 + "… · 64 radiographs"),
        (None, "several batches · 64 radiographs"),
    ],
    ids=["plain", "html", "controls", "long", "absent"],
)
def test_a_name_is_shortened_and_escaped(name: str | None, shown: str) -> None:
    assert shown_name(name, 64) == shown


def test_messages_contain_only_ids(redis_url: str) -> None:
    app = create_app(redis_url)
    assert not app.conf.task_send_sent_event
    made = app.amqp.as_task_v2("0" * 36, "thoraq.measure_chunk", kwargs={"chunk_id": 7})
    assert made.headers["shadow"] is None
