"""thoraq from Python: measure radiographs in this process, or query a state folder's results.

    >>> import thoraq
    >>> [each] = thoraq.measure("/srv/archive/PHANTOM-0001", state="/srv/thoraq")
    >>> print(each.header.format, len(each.measurement.points), each.measurement.ict.enlarged)
    dicom 19 None

Importing it is fast: the modules of a function are loaded when it is first used. Errors are
thoraq's own, with a stable ``code``, a flag ``permanent``, and a message that contains the remedy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from db.errors import DatabaseError as DatabaseError
    from db.query.failure_records import Failure as Failure
    from db.records import Batch as Batch
    from db.records import BatchStatus as BatchStatus
    from db.records import Condition as Condition
    from db.records import IntakeCount as IntakeCount
    from db.records import Provenance as Provenance
    from db.records import Result as Result
    from db.states import JobState as JobState
    from db.states import Priority as Priority
    from network.errors import NetworkError as NetworkError
    from radiograph.landmarks import Landmark as Landmark
    from radiograph.records import Bucket as Bucket
    from radiograph.records import Header as Header
    from radiograph.records import Ict as Ict
    from radiograph.records import Measurement as Measurement
    from results.errors import ArgumentInvalid as ArgumentInvalid
    from results.errors import PandasMissing as PandasMissing
    from results.errors import ReadUnaudited as ReadUnaudited
    from results.errors import ResultsError as ResultsError
    from scheduler.errors import SchedulerError as SchedulerError
    from thoraq.connection import Connection as Connection
    from thoraq.connection import Results as Results
    from thoraq.connection import Submission as Submission
    from thoraq.connection import connect as connect
    from thoraq.files import measure as measure
    from worker.errors import WorkerError as WorkerError
    from worker.file_records import FileCount as FileCount
    from worker.file_records import MeasuredFile as MeasuredFile
    from worker.file_records import UnmeasuredFile as UnmeasuredFile

    __version__: str

#: The module of each name, loaded when the name is first used.
_HOMES = {
    "ArgumentInvalid": "results.errors",
    "Batch": "db.records",
    "BatchStatus": "db.records",
    "Bucket": "radiograph.records",
    "Condition": "db.records",
    "Connection": "thoraq.connection",
    "DatabaseError": "db.errors",
    "Failure": "db.query.failure_records",
    "FileCount": "worker.file_records",
    "Header": "radiograph.records",
    "Ict": "radiograph.records",
    "IntakeCount": "db.records",
    "JobState": "db.states",
    "Landmark": "radiograph.landmarks",
    "MeasuredFile": "worker.file_records",
    "Measurement": "radiograph.records",
    "NetworkError": "network.errors",
    "PandasMissing": "results.errors",
    "Priority": "db.states",
    "Provenance": "db.records",
    "ReadUnaudited": "results.errors",
    "Result": "db.records",
    "Results": "thoraq.connection",
    "ResultsError": "results.errors",
    "SchedulerError": "scheduler.errors",
    "Submission": "thoraq.connection",
    "UnmeasuredFile": "worker.file_records",
    "WorkerError": "worker.errors",
    "connect": "thoraq.connection",
    "measure": "thoraq.files",
}


if not TYPE_CHECKING:  # to a type checker a misspelt name is an error

    def __getattr__(name: str) -> Any:
        """Load a name. Raises AttributeError."""
        if name == "__version__":
            from importlib.metadata import version  # noqa: PLC0415 - loaded late like all names

            return version("thoraq")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
        return found


def __dir__() -> list[str]:
    """Return every name, including those not yet loaded."""
    return sorted({*globals(), *_HOMES, "__version__"})
