"""The audit log: every change by an operator adds an entry, in the same transaction."""

from __future__ import annotations

import getpass
import os
import pwd
import socket
from datetime import timedelta

import pytest

from db.audit import audit_rows
from db.database import Database
from db.errors import BatchUnknown
from db.models import register_model, serve_model
from db.operations import cancel, retry
from db.pauses import pause_batch, pause_queue, resume_batch
from db.states import QueueName
from db.training.records import NewRun
from db.training.runs import cancel_run, open_run, resume_run
from testbed.records import MODEL, START, seen, submit

LATER = START + timedelta(hours=1)


def test_every_change_is_in_the_audit_log_with_its_user(database: Database) -> None:
    submit(database, [seen(1)])
    pause_batch(database, "night", now=LATER)
    resume_batch(database, "night", now=LATER)
    pause_queue(database, QueueName.URGENT, now=LATER)
    cancel(database, "night", 32, now=LATER)
    retry(database, None, None, 4, now=LATER)
    register_model(database, MODEL, "a" * 64, {}, serve=True)
    serve_model(database, MODEL)
    open_run(database, NewRun("fit", "/films", {}))
    cancel_run(database, "fit")
    resume_run(database, "fit")

    rows = audit_rows(database)

    assert {row.who for row in rows} == {f"{getpass.getuser()}@{socket.gethostname()}"}
    assert [(row.action, row.subject) for row in reversed(rows)] == [
        ("submit", "night"),
        ("pause", "night"),
        ("resume", "night"),
        ("pause", "the urgent queue"),
        ("cancel", "night"),
        ("retry", None),
        ("promote", MODEL),
        ("train", "fit"),
        ("train-cancel", "fit"),
        ("train-resume", "fit"),
    ]
    by_action = {row.action: row.details for row in rows}
    assert by_action["cancel"] == {"cancelled": 1, "in_flight": 0, "handed_over": 0}
    assert by_action["retry"] == {"codes": [], "jobs": 1, "files": 0}


def test_an_action_that_fails_is_not_in_the_audit_log(database: Database) -> None:
    with pytest.raises(BatchUnknown):
        cancel(database, "nowhere", 32)
    assert audit_rows(database) == []


def test_the_newest_rows_come_first(database: Database) -> None:
    submit(database, [seen(1)])
    cancel(database, "night", 32, now=LATER)
    [last] = audit_rows(database, limit=1)
    assert (last.action, last.at) == ("cancel", LATER)
    assert [row.action for row in audit_rows(database, since=LATER)] == ["cancel"]
    assert len(audit_rows(database)) == 2


def test_environment_variables_do_not_change_the_user_in_the_audit_log(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "somebody-else")
    submit(database, [seen(1)])
    [row] = audit_rows(database)
    assert row.who == f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"
