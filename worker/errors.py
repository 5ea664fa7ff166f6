"""Errors of workers: about one file, or about the worker itself.

    Unreadable (radiograph.errors)
    |-- ReaderError                     the reading process failed
    |   |-- ReaderCrashed               reader-crashed
    |   |-- ReaderTimeout               reader-timeout         transient
    |   |-- ReaderOutOfMemory           reader-out-of-memory
    |   `-- ReaderFailed                reader-failed
    |-- ContentChanged                  content-changed
    |-- PathForbidden                   path-forbidden
    |-- RootUnknown                     root-unknown           transient
    |-- PredictionInvalid               prediction-invalid
    `-- MeasuringFailed                 measuring-failed

    WorkerError                         code, permanent, kind
    |-- ReaderUnavailable               reader-unavailable     transient
    |-- DeviceFailed                    device-failed          transient
    |-- ModelUnavailable                model-unavailable      transient
    |-- FolderAway                      folder-away            transient
    |-- LeaseLost                       lease-lost             transient
    |-- RunCancelled                    run-cancelled
    |-- RunFilesFailed                  training-files         transient
    |-- TrainingFailed                  training-failed
    `-- StopRequested                   stop-requested         transient

The first tree is about one file and is recorded with its job. The second is about the worker: it
releases its chunk, without an attempt being counted for its files.
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError, Unreadable

#: EX_TEMPFAIL of sysexits.h: exit code of a child that ends so that the next one resets the device.
FRESH_START = 75


class ReaderError(Unreadable):
    """The reading process failed on the file."""

    code = "reader-error"


class ReaderCrashed(ReaderError):
    """Two reading processes crashed on the file; export it again, and report it if it is valid."""

    code = "reader-crashed"


class ReaderTimeout(ReaderError):
    """Reading took too long; check the share, or raise THORAQ_READ_TIMEOUT_SECONDS, then retry."""

    code = "reader-timeout"
    permanent = False


class ReaderOutOfMemory(ReaderError):
    """Reading takes more memory than allowed; raise THORAQ_READ_MEMORY_MB, then retry."""

    code = "reader-out-of-memory"


class ReaderFailed(ReaderError):
    """Reading failed unexpectedly; please report the kind of file and the detail."""

    code = "reader-failed"


class ContentChanged(Unreadable):
    """The content of the file changed since it was submitted; submit it again."""

    code = "content-changed"


class PathForbidden(Unreadable):
    """The file is outside the folders that THORAQ_ROOTS allows this worker; add its folder."""

    code = "path-forbidden"


class RootUnknown(Unreadable):
    """The path is below a root that THORAQ_ROOTS does not name here; add LABEL=/FOLDER, retry."""

    code = "root-unknown"
    permanent = False


class PredictionInvalid(Unreadable):
    """The points from the network are not finite; check the image and the weights."""

    code = "prediction-invalid"


class MeasuringFailed(Unreadable):
    """Measuring failed unexpectedly; please report the kind of file and the detail."""

    code = "measuring-failed"


class WorkerError(ThoraqError):
    """The worker cannot continue with its chunk."""

    code = "worker-error"
    kind = ErrorKind.QUEUE


class ReaderUnavailable(WorkerError):
    """No reading process starts or reads a valid file; check the limits of memory and processes."""

    code = "reader-unavailable"
    permanent = False


class DeviceFailed(WorkerError):
    """The device fails on a single image; see `thoraq doctor`, and the driver's own log."""

    code = "device-failed"
    permanent = False


class ModelUnavailable(WorkerError):
    """The network of this chunk is not installed; install its weights, or the newer thoraq."""

    code = "model-unavailable"
    permanent = False


class FolderAway(WorkerError):
    """The folders of several files in a row are unavailable; check that the share is mounted."""

    code = "folder-away"
    permanent = False


class LeaseLost(WorkerError):
    """The lease of the worker expired; other workers have its chunk now."""

    code = "lease-lost"
    permanent = False


class RunCancelled(WorkerError):
    """An operator cancelled the training run; `thoraq train resume` continues it."""

    code = "run-cancelled"


class RunFilesFailed(WorkerError):
    """The run's radiographs or folder fail; check share and disk, then `thoraq train resume`."""

    code = "training-files"
    permanent = False


class TrainingFailed(WorkerError):
    """Training failed unexpectedly; please report it, then `thoraq train resume`."""

    code = "training-failed"


class StopRequested(WorkerError):
    """The worker was asked to stop and releases the files it has not begun."""

    code = "stop-requested"
    permanent = False
