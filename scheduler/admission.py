"""What a worker lets in: the messages that thoraq sends, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from celery.utils.log import get_logger
from celery.worker.consumer import Consumer
from kombu import Message

from scheduler.errors import MessageInvalid
from scheduler.messages import check_message

_log = structlog.stdlib.get_logger(__name__)


class GuardedConsumer(Consumer):
    """Celery's consumer behind a door.

    Celery itself ends at some messages, gets them back when it starts again, and ends again.
    """

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Message], None]:
        """Return what takes every message that arrives."""
        take = super().create_task_handler(*arguments, **options)

        def admit(message: Message) -> None:
            try:
                check_message(message.headers, lambda: _body(message))
            except Exception:  # noqa: BLE001 - whatever it causes here it would cause in Celery
                # Neither the message nor the error's text: both are a stranger's.
                _log.error(
                    "a message that thoraq did not send was refused", code=MessageInvalid.code
                )
                away = self.connection_errors  # type: ignore[attr-defined]  # not in its stubs
                message.reject_log_error(get_logger(__name__), away)
            else:
                take(message)

        return admit


def _body(message: Message) -> Any:
    if (message.content_type, message.content_encoding) != ("application/json", "utf-8"):
        raise MessageInvalid(MessageInvalid.__doc__)
    return message.payload
