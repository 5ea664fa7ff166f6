"""Remote control: queries that a worker answers, and commands it obeys only if a setting allows.

Every client of the broker can send Celery's remote commands, one of which ends all workers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from celery import bootsteps
from celery.worker.consumer.tasks import Tasks
from celery.worker.control import Panel
from celery.worker.pidbox import Pidbox
from kombu import Message

from scheduler.errors import ControlRefused, MessageInvalid

_log = structlog.stdlib.get_logger(__name__)

#: Commands that change nothing, with the arguments they may have.
_QUESTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "active": ("safe",),
    "active_queues": (),
    "conf": (),
    "enable_events": (),  # events are enabled anyway; Flower sends this every few seconds
    "heartbeat": (),
    "ping": (),
    "query_task": ("ids",),
    "registered": (),
    "reserved": (),
    "revoked": (),
    "scheduled": (),
    "stats": (),
}
#: Former command names, which Celery's own clients still send.
_OLD_NAMES: Final = {
    "dump_active": "active",
    "dump_conf": "conf",
    "dump_reserved": "reserved",
    "dump_revoked": "revoked",
    "dump_schedule": "scheduled",
    "dump_tasks": "registered",
}
#: Shown properties of the broker; others may contain its user and password.
_OF_BROKER: Final = ("transport", "port", "virtual_host")
_REPLIES: Final = "reply.celery.pidbox"
_NUMBER = re.compile(r"[0-9a-f-]{36}")


class GuardedControl(bootsteps.StartStopStep):
    """Celery's remote control, restricted to allowed commands."""

    requires = (Tasks,)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._mailbox = _Mailbox(consumer)

    def start(self, consumer: Any) -> None:
        """Start listening."""
        self._mailbox.start(consumer)

    def stop(self, consumer: Any) -> None:
        """Stop listening."""
        self._mailbox.stop(consumer)

    def shutdown(self, consumer: Any) -> None:
        """Stop listening permanently."""
        self._mailbox.shutdown(consumer)


class _Mailbox(Pidbox):
    """Receives the commands sent to one worker, or to all."""

    def __init__(self, consumer: Any) -> None:
        super().__init__(consumer)
        self._name: str = consumer.hostname
        self._obedient = bool(consumer.app.conf.thoraq_remote_control)
        self.node.handlers = _handlers(obedient=self._obedient)

    def on_message(self, body: Any, message: Message) -> None:
        """Answer a command, or refuse it."""
        del message  # it would set this worker's logical clock
        try:
            command, arguments, sender = self._read(body)
        except Exception:  # noqa: BLE001 - Celery would raise the same
            _log.error("a message that thoraq did not send was refused", code=MessageInvalid.code)
            return
        if command is None:
            return
        try:
            self.node.dispatch(command, arguments, **sender)
        except Exception:  # noqa: BLE001 - a reply that cannot be sent
            self.reset()

    def _read(self, body: Any) -> tuple[str | None, dict[str, Any], dict[str, Any]]:
        """Return a command, its arguments and its sender; no command if it is for other workers."""
        destination = body.get("destination")
        if destination is not None and self._name not in list(destination):
            return None, {}, {}
        if body.get("pattern") is not None:  # a regular expression may run for hours
            raise MessageInvalid
        command = _OLD_NAMES.get(body["method"], body["method"])
        arguments = dict(body.get("arguments") or {})
        if not self._obedient:
            if command not in _QUESTIONS:
                name = command if command in Panel.data else "unknown"
                _log.error("a remote command was refused", code=ControlRefused.code, command=name)
                command = "refuse"
            allowed = _QUESTIONS.get(command, ())
            arguments = {name: arguments[name] for name in allowed if name in arguments}
        return command, arguments, _sender(body)


def _sender(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return where to reply; only to Celery's reply exchange, so that no other queue is written."""
    address, ticket = body.get("reply_to"), body.get("ticket")
    if address is None:
        return {}
    key = address["routing_key"]
    if (
        address["exchange"] != _REPLIES
        or not _NUMBER.fullmatch(key)
        or not _NUMBER.fullmatch(ticket or "")
    ):
        raise MessageInvalid
    return {"reply_to": {"exchange": _REPLIES, "routing_key": key}, "ticket": ticket}


def _handlers(*, obedient: bool) -> dict[str, Callable[..., Any]]:
    ours = {"conf": _conf, "stats": _stats, "enable_events": _enable_events}
    if obedient:
        return {**Panel.data, **ours, "report": _refuse}  # it shows the whole configuration
    return {name: Panel.data[name] for name in _QUESTIONS} | ours | {"refuse": _refuse}


def _enable_events(state: Any, **_: Any) -> dict[str, Any]:
    """Enable task events, except for the upkeep, whose rounds would flood the monitor."""
    if not state.app.conf.worker_send_task_events:
        return {"ok": "task events stay disabled"}
    enabled: dict[str, Any] = Panel.data["enable_events"](state)
    return enabled


def _conf(state: Any, **_: Any) -> dict[str, Any]:
    """Return the configuration without the broker's address."""
    conf = Panel.data["conf"](state)
    return {name: value for name, value in conf.items() if not name.startswith("broker")}


def _stats(state: Any, **_: Any) -> dict[str, Any]:
    """Return statistics of a worker without the broker's address."""
    stats: dict[str, Any] = Panel.data["stats"](state)
    broker = stats.get("broker")
    if isinstance(broker, dict):
        stats["broker"] = {name: broker[name] for name in _OF_BROKER if name in broker}
    return stats


def _refuse(state: Any, **_: Any) -> dict[str, str]:
    del state
    return {"error": f"{ControlRefused.code}: {ControlRefused()}"}
