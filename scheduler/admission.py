"""The messages that a worker accepts: only those that thoraq sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from celery.utils.log import get_logger
from celery.worker.consumer import Consumer
from kombu.message import Message
from redis.exceptions import RedisError

from scheduler.errors import MessageInvalid, MessageSetAside
from scheduler.messages import Call, read_call
from scheduler.set_aside_messages import acquit, is_deadly, set_aside

_log = structlog.stdlib.get_logger(__name__)


class GuardedConsumer(Consumer):
    """Celery's consumer with a check of every message.

    Some malformed messages crash Celery, are delivered again after its restart, and crash it again.
    """

    strategies: dict[str, Any]

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Any], None]:
        """Return the handler of incoming messages."""
        take = super().create_task_handler(*arguments, **options)

        def admit(message: Any) -> None:
            try:
                call = read_call(message.headers, lambda: _body(message))
                known = call.task in self.strategies
            except Exception:  # noqa: BLE001 - Celery would raise the same
                known = False
            if not known:
                self._refuse(message)
            elif call.expires_at is not None and call.expires_at <= datetime.now(UTC):
                self._reject(message)
            else:
                self._hand_over(call, message, take)

        return admit

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Refuse a message that cannot be decoded; Celery would log its content."""
        del exc
        self._refuse(message)

    def _hand_over(self, call: Call, message: Any, take: Callable[[Any], None]) -> None:
        """Pass Celery a rebuilt message, and count the delivery until it has survived it."""
        with message.channel.conn_or_acquire() as client:
            if is_deadly(client, message.delivery_tag):
                self._set_aside(message)
                return
            try:
                take(self._rebuilt(call, message))
            except (RedisError, OSError):
                raise
            except Exception:  # noqa: BLE001 - it would end one worker after another
                self._set_aside(message)
            else:
                acquit(client, message.delivery_tag)

    def _rebuilt(self, call: Call, message: Any) -> Any:
        made = self.app.amqp.as_task_v2(call.task_id, call.task, kwargs=call.arguments)
        return Message(
            body=json.dumps(made.body).encode(),  # type: ignore[arg-type]  # as received, in bytes
            content_type="application/json",
            content_encoding="utf-8",
            headers=made.headers,
            properties=made.properties,
            delivery_info=message.delivery_info,
            delivery_tag=message.delivery_tag,
            channel=message.channel,
            accept=message.accept,
        )

    def _set_aside(self, message: Any) -> None:
        with message.channel.conn_or_acquire() as client:
            set_aside(client, message)
            acquit(client, message.delivery_tag)
        self._reject(message)
        _log.error(
            "a message that crashed workers was set aside",
            code=MessageSetAside.code,
            queue=message.delivery_info["routing_key"],
        )

    def _refuse(self, message: Any) -> None:
        # Log neither the message nor the error's text: both may contain anything.
        _log.error("a message that thoraq did not send was refused", code=MessageInvalid.code)
        self._reject(message)

    def _reject(self, message: Any) -> None:
        away = self.connection_errors  # type: ignore[attr-defined]  # not in its stubs
        message.reject_log_error(get_logger(__name__), away)


def _body(message: Any) -> Any:
    if (message.content_type, message.content_encoding) != ("application/json", "utf-8"):
        raise MessageInvalid
    return message.payload
