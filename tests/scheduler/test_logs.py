"""Log lines are JSON and contain no names of patients."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import logging, structlog
from scheduler.logs import configure_logs
configure_logs()
structlog.contextvars.bind_contextvars(task_id="t-1", chunk=7)
structlog.stdlib.get_logger("worker.session").info("chunk", stored=3)
try:
    open("/archive/Doe^Jane/1.dcm")
except OSError:
    structlog.stdlib.get_logger("a").exception("failed")
    logging.getLogger("celery.app.trace").error("raised FileNotFoundError('Doe^Jane')", exc_info=1)
logging.getLogger("celery.worker").warning("lost %s", "connection")
"""


def lines() -> list[dict[str, object]]:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert ran.stdout == ""
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_each_line_is_json_with_the_task_and_the_chunk() -> None:
    told = lines()
    assert len(told) == 4
    assert {(line["task_id"], line["chunk"]) for line in told} == {("t-1", 7)}
    assert told[0]["stored"] == 3
    assert told[3]["event"] == "lost connection"


def test_an_exception_is_logged_by_its_type_and_location_without_its_text() -> None:
    told = lines()
    assert "Jane" not in json.dumps(told)
    assert told[1]["exception"] == told[2]["exception"] == "FileNotFoundError"
    assert told[1]["passed"] == ["__main__:8 <module>"]


STEERING = """
import logging, structlog, threading, warnings
from scheduler.logs import configure_logs
configure_logs()
evil = "".join(map(chr, [*range(32), *range(127, 160), 0x202E, 0x2066, 0x200B, 0xFEFF, 0xDC9B]))
structlog.contextvars.bind_contextvars(worker=evil)
structlog.stdlib.get_logger(evil).warning(evil, code=evil, **{evil: evil})
logging.getLogger("celery.worker").warning("lost %s", evil)
warnings.warn(evil)
def fail():
    raise OSError(evil)
threading.Thread(target=fail).start()
fail()
"""


def test_no_log_line_contains_control_characters() -> None:
    ran = subprocess.run([sys.executable, "-c", STEERING], capture_output=True, check=False)
    said = ran.stderr.decode("ascii")
    assert [line for line in said.splitlines() if line.startswith("OSError: \\x00\\x01")]
    assert said.count('"logger"') == 3
    assert {char for char in said if not char.isprintable()} <= {"\n", "\t"}
