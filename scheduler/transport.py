"""Kombu's Redis transport, hardened for a broker that other clients can reach too.

Kombu trusts the content of Redis: a malformed entry crashes the process that reads it, and every
process after it if the entry stays. Here such an entry is only discarded.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty
from typing import Any

import structlog
from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from scheduler.broker_keys import mend_keys
from scheduler.envelope import LARGEST_BODY_BYTES, open_envelope
from scheduler.errors import MessageInvalid
from scheduler.messages import TASK_QUEUES

_log = structlog.stdlib.get_logger(__name__)

#: kombu's separator between queue name and priority, and between the parts of a binding.
_SEPARATOR = "\x06\x16"
#: A base64 body is a third longer, plus its envelope.
_LARGEST_ITEM_BYTES = 2 * LARGEST_BODY_BYTES


def register_transports() -> None:
    """Use this transport for every Redis connection of this process."""
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = f"{__name__}:Transport"


class _QoS(redis.QoS):
    """Delivered messages that are not yet acknowledged."""

    channel: Any
    _remove_from_indices: Any
    _quick_ack: Any

    def append(self, message: Any, delivery_tag: str) -> None:
        self._mending(super().append, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        self._ending(super().ack, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        self._ending(super().reject, delivery_tag, requeue)

    def restore_visible(self, *arguments: Any, **options: Any) -> None:
        with self.channel.conn_or_acquire() as client:
            mend_keys(client)
        super().restore_visible(*arguments, **options)

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        with self.channel.conn_or_acquire(client) as asked:
            held = asked.hget(self.unacked_key, tag)
            if held is not None and not _is_sound(held):
                # It would keep all later messages from being restored.
                self._remove_from_indices(tag).execute()
                _refuse()
                return
        super().restore_by_tag(tag, client, leftmost)

    def _ending(self, work: Callable[..., None], delivery_tag: str, *arguments: Any) -> None:
        """Acknowledge or reject a message; if Redis fails, it is delivered again.

        Kombu would count such a message as unfinished for ever, until the worker's prefetch limit
        keeps it from taking any message.
        """
        try:
            self._mending(work, delivery_tag, *arguments)
        except (RedisError, OSError):
            self._quick_ack(delivery_tag)
            raise

    def _mending(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except ResponseError as exc:
            if not _is_of_type(exc):
                raise
            with self.channel.conn_or_acquire() as client:
                mend_keys(client)
            work(*arguments)


class _Client(Redis):
    """Validates messages as they are read from queues."""

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        answer: Any = super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]
        if command_name != "BRPOP" or not answer:
            return answer
        key, item = answer
        queue = bytes_to_str(key).partition(_SEPARATOR)[0]
        checked = _checked(item, queue)
        return None if checked is None else (key, checked)  # as if the queue were empty


class _Guard:
    """Additions to kombu's channel."""

    QoS = _QoS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        with self.conn_or_acquire() as client:  # type: ignore[attr-defined]
            mend_keys(client)

    def get_table(self, exchange: str) -> list[tuple[str, ...]]:
        """Return the bindings of an exchange, without malformed entries."""
        key = self.keyprefix_queue % exchange  # type: ignore[attr-defined]
        with self.conn_or_acquire() as client:  # type: ignore[attr-defined]
            members = client.smembers(key)
        bindings = (tuple(each.decode(errors="replace").split(_SEPARATOR)) for each in members)
        return [each for each in bindings if len(each) == 3 and each[2]]

    def _get_client(self) -> type[Redis]:
        return _Client

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except ResponseError as exc:
            if not _is_of_type(exc):
                raise
            with self.conn_or_acquire() as client:  # type: ignore[attr-defined]
                mend_keys(client)
            raise Empty from exc

    def _handle_message(self, client: Any, response: Any) -> dict[str, Any]:
        payload: dict[str, Any] = super()._handle_message(client, response)  # type: ignore[misc]
        if bytes_to_str(payload["type"]).endswith("message") and payload["data"]:
            payload["data"] = _checked(payload["data"], "")
        return payload


class Channel(_Guard, redis.Channel):  # type: ignore[misc]
    """A hardened channel."""


class Transport(redis.Transport):
    """The hardened transport."""

    Channel = Channel


def _checked(item: bytes, queue: str) -> str | None:
    """Return a message that kombu can read; None if it was refused."""
    if len(item) > _LARGEST_ITEM_BYTES:  # decoding needs many times the memory
        _refuse()
        return None
    try:
        return str(dumps(open_envelope(loads(bytes_to_str(item)), queue)))
    except Exception:  # noqa: BLE001 - kombu would raise the same
        _refuse()
        return None


def _is_sound(held: bytes) -> bool:
    """Whether kombu could restore a delivered message."""
    if len(held) > _LARGEST_ITEM_BYTES:
        return False
    try:
        message, exchange, queue = loads(bytes_to_str(held))
        open_envelope(message, queue)
    except Exception:  # noqa: BLE001 - kombu would raise the same
        return False
    return exchange == "" and queue in TASK_QUEUES


def _is_of_type(error: ResponseError) -> bool:
    return "WRONGTYPE" in str(error)


def _refuse() -> None:
    # Log neither the message nor the error's text: both may contain anything.
    _log.error("a message that thoraq did not send was refused", code=MessageInvalid.code)
