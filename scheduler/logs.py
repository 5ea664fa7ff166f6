"""Logs: one JSON object per line on stderr, without paths or patients.

Celery's records and Python's warnings are written the same way. The text of an exception is
omitted, since it may name a file; its type and its call stack are kept.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from scheduler.errors import MessageInvalid
from scheduler.log_files import FollowingHandler, is_file, own_log
from scheduler.terminal import print_faults, printable_json

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

#: The logger whose messages contain the exception of a failed task.
_TELLS_EXCEPTIONS = "celery.app.trace"

#: Loggers that log the content of refused messages, and how these lines begin.
_SHOW_MESSAGES = "celery.worker.consumer"
_REFUSALS = ("Received invalid", "Received unregistered", "Received and deleted", "Can't decode")

#: Celery's loggers of every task and round; thoraq logs chunks itself.
_CHATTY = ("celery.worker.strategy", "celery.app.trace", "celery.beat")


#: The keys at the beginning of a line.
_FIRST = ("timestamp", "level", "event", "batch", "chunk", "run", "job", "radiograph", "code")


def configure_logs(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Write every record of this process to ``stream``; None: stderr."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_exception_text,
            _without_message,
            _in_order,
            structlog.processors.JSONRenderer(),  # in ASCII
            _without_delete,
        ],
    )
    handler = _handler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    print_faults()
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _handler(stream: TextIO | None) -> logging.Handler:
    if stream is None and (path := own_log()) is not None and is_file():
        return FollowingHandler(path)
    return logging.StreamHandler(stream or sys.stderr)


def hand_over_logs() -> None:
    """Pass records to Python's logging, as configured by a program that imports thoraq.

    Does nothing if structlog is already configured.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _without_exception_text(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    del logger, method
    failure = event.pop("exc_info", None)
    if failure is True:
        failure = sys.exc_info()
    if isinstance(failure, BaseException):
        failure = (type(failure), failure, failure.__traceback__)
    if isinstance(failure, tuple) and failure[0] is not None:
        kind, _, trace = failure
        event["exception"] = kind.__name__
        event["passed"] = _call_stack(trace)
        if event.get("logger") == _TELLS_EXCEPTIONS:
            event["event"] = "task failed"
    return event


def _without_message(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Omit the content of a refused message, which may be anything."""
    del logger, method
    message = event.get("event")
    shows = str(event.get("logger", "")).startswith(_SHOW_MESSAGES)
    if shows and isinstance(message, str) and message.startswith(_REFUSALS):
        event["event"] = "a message that thoraq did not send was refused"
        event["code"] = MessageInvalid.code
    return event


def _in_order(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Put the common keys first, in a fixed order that searches can rely on."""
    del logger, method
    first = {name: event.pop(name) for name in _FIRST if name in event}
    return {**first, **event}


def _without_delete(logger: WrappedLogger, method: str, line: Any) -> str:
    del logger, method
    return printable_json(line)


def _call_stack(trace: TracebackType | None) -> list[str]:
    return [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(trace)
    ]
