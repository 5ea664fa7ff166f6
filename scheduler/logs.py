"""Logs: one JSON object a line on stderr, without paths and without patients.

Celery's own records go through the same lines. The text of an exception is left out, since it
may name a file; its type and the places it passed remain.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

#: Celery writes the failed task's exception into this logger's message.
_TELLS_EXCEPTIONS = "celery.app.trace"

#: Celery's lines about each task and each round; a chunk has a line of its own.
_CHATTY = ("celery.worker.strategy", "celery.app.trace", "celery.beat")


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
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


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


def _places(trace: TracebackType | None) -> list[str]:
    return [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(trace)
    ]
