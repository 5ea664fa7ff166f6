"""Kombu's way to Redis, for a broker that strangers reach as well.

Kombu trusts what it finds in Redis: an entry that is not of its making ends the process that meets
it, and where the entry stays every process after it. Here it costs itself alone.
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

#: What kombu puts between a queue's name and a priority, and between the parts of a binding.
_SEPARATOR = "\x06\x16"
#: A body in base64 is a third longer, and an envelope stands around it.
_LARGEST_ITEM_BYTES = 2 * LARGEST_BODY_BYTES


def register_transports() -> None:
    """Have every connection to Redis of this process go this way."""
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = f"{__name__}:Transport"


class _QoS(redis.QoS):
    """Messages that were delivered and are not acknowledged."""

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
                # Else it would keep all that come after it from being restored.
                self._remove_from_indices(tag).execute()
                _refuse()
                return
        super().restore_by_tag(tag, client, leftmost)

    def _ending(self, work: Callable[..., None], delivery_tag: str, *arguments: Any) -> None:
        """End a message. Where Redis did not hear of it, it comes again, and its work is done then.

        Kombu would count it as at work for ever, and a worker of which few such are left takes
        nothing any more.
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
    """Reads from queues what was checked."""

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        answer: Any = super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]
        if command_name != "BRPOP" or not answer:
            return answer
        key, item = answer
        queue = bytes_to_str(key).partition(_SEPARATOR)[0]
        checked = _checked(item, queue)
        return None if checked is None else (key, checked)  # none came


class _Guard:
    """What a channel of ours adds to one of kombu's."""

    QoS = _QoS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        with self.conn_or_acquire() as client:  # type: ignore[attr-defined]
            mend_keys(client)

    def get_table(self, exchange: str) -> list[tuple[str, ...]]:
        """Return the bindings of an exchange, without entries that are none."""
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
    """A channel of one Redis."""


class Transport(redis.Transport):
    """The way to one Redis."""

    Channel = Channel


def _checked(item: bytes, queue: str) -> str | None:
    """Return a message as kombu may read it, None where it was refused."""
    if len(item) > _LARGEST_ITEM_BYTES:  # decoding takes many times as much
        _refuse()
        return None
    try:
        return str(dumps(open_envelope(loads(bytes_to_str(item)), queue)))
    except Exception:  # noqa: BLE001 - whatever it causes here it would cause in kombu
        _refuse()
        return None


def _is_sound(held: bytes) -> bool:
    """Whether kombu could bring a delivered message back."""
    if len(held) > _LARGEST_ITEM_BYTES:
        return False
    try:
        message, exchange, queue = loads(bytes_to_str(held))
        open_envelope(message, queue)
    except Exception:  # noqa: BLE001 - whatever it causes here it would cause in kombu
        return False
    return exchange == "" and queue in TASK_QUEUES


def _is_of_type(error: ResponseError) -> bool:
    return "WRONGTYPE" in str(error)


def _refuse() -> None:
    # Neither the message nor the error's text: both are a stranger's.
    _log.error("a message that thoraq did not send was refused", code=MessageInvalid.code)
