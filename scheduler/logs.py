"""Logs: one JSON object a line on stderr, without paths and without patients.

Celery's own records and Python's warnings go through the same lines. The text of an exception is
left out, since it may name a file; its type and the places it passed remain.
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

#: Celery writes the failed task's exception into this logger's message.
_TELLS_EXCEPTIONS = "celery.app.trace"

#: Loggers that show the messages they refuse, and how such lines begin.
_SHOW_MESSAGES = "celery.worker.consumer"
_REFUSALS = ("Received invalid", "Received unregistered", "Received and deleted", "Can't decode")

#: Celery's lines about each task and each round; a chunk has a line of its own.
_CHATTY = ("celery.worker.strategy", "celery.app.trace", "celery.beat")


#: The keys that a line begins with.
_FIRST = ("timestamp", "level", "event", "batch", "chunk", "run", "job", "radiograph", "code")


def configure_logs(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Write every record of this process to ``stream``, stderr where None."""
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
    """Hand records to Python's logging, as a program that imports thoraq has configured it.

    Leaves structlog alone where it is configured already.
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
        event["passed"] = _places(trace)
        if event.get("logger") == _TELLS_EXCEPTIONS:
            event["event"] = "task failed"
    return event


def _without_message(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Leave out what a refused message holds: whoever sent it may have put anything into it."""
    del logger, method
    message = event.get("event")
    ours = str(event.get("logger", "")).startswith(_SHOW_MESSAGES)
    if ours and isinstance(message, str) and message.startswith(_REFUSALS):
        event["event"] = "a message that thoraq did not send was refused"
        event["code"] = MessageInvalid.code
    return event


def _in_order(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Put what every line has first, and what it is about; whoever greps relies on the order."""
    del logger, method
    first = {name: event.pop(name) for name in _FIRST if name in event}
    return {**first, **event}


def _without_delete(logger: WrappedLogger, method: str, line: Any) -> str:
    del logger, method
    return printable_json(line)


def _places(trace: TracebackType | None) -> list[str]:
    return [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(trace)
    ]
