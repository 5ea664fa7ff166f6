"""Why a worker could not measure a file, or gives its chunk back.

    Unreadable (radiograph.errors)
    |-- ReaderError                     a file that its reading process did not survive
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

The first tree is about one file and ends on its job. The second is about the worker: it gives its
chunk back, so that no file pays for it.
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError, Unreadable

#: EX_TEMPFAIL of sysexits.h: what a child says that ends so that its successor gets a fresh device.
FRESH_START = 75


class ReaderError(Unreadable):
    """A file that its reading process did not survive."""

    code = "reader-error"


class ReaderCrashed(ReaderError):
    """Two reading processes crashed on the file; export it again, and report it if it is sound."""

    code = "reader-crashed"


class ReaderTimeout(ReaderError):
    """Reading took too long; check the share, or raise THORAQ_READ_TIMEOUT_SECONDS, then retry."""

    code = "reader-timeout"
    permanent = False


class ReaderOutOfMemory(ReaderError):
    """Reading takes more memory than allowed; raise THORAQ_READ_MEMORY_MB, then retry."""

    code = "reader-out-of-memory"


class ReaderFailed(ReaderError):
    """Reading failed in a way nobody foresaw; please report the file's kind and its detail."""

    code = "reader-failed"


class ContentChanged(Unreadable):
    """The file holds something else than when it was submitted; submit it again."""

    code = "content-changed"


class PathForbidden(Unreadable):
    """The file lies outside the folders that THORAQ_ROOTS allows this worker; add its folder."""

    code = "path-forbidden"


class RootUnknown(Unreadable):
    """The path is below a root that THORAQ_ROOTS does not name here; add LABEL=/FOLDER, retry."""

    code = "root-unknown"
    permanent = False


class PredictionInvalid(Unreadable):
    """The network answered with no finite points; look at the image and at the weights."""

    code = "prediction-invalid"


class MeasuringFailed(Unreadable):
    """Measuring failed in a way nobody foresaw; please report the file's kind and its detail."""

    code = "measuring-failed"


class WorkerError(ThoraqError):
    """The worker cannot go on with its chunk."""

    code = "worker-error"
    kind = ErrorKind.QUEUE


class ReaderUnavailable(WorkerError):
    """No reading process starts, or none reads a sound file; look at memory and process limits."""

    code = "reader-unavailable"
    permanent = False


class DeviceFailed(WorkerError):
    """The device fails on a single image; see `thoraq doctor`, and the driver's own log."""

    code = "device-failed"
    permanent = False


class ModelUnavailable(WorkerError):
    """The network this chunk asks for is not here; install its weights, or the newer thoraq."""

    code = "model-unavailable"
    permanent = False


class FolderAway(WorkerError):
    """The folders of several files in a row are away; check that the share is mounted."""

    code = "folder-away"
    permanent = False


class LeaseLost(WorkerError):
    """The worker was silent for longer than its lease; others have its chunk now."""

    code = "lease-lost"
    permanent = False


class RunCancelled(WorkerError):
    """An operator cancelled the training run; `thoraq train resume` goes on with it."""

    code = "run-cancelled"


class RunFilesFailed(WorkerError):
    """The films or the run's folder fail; check share and disk, then `thoraq train resume`."""

    code = "training-files"
    permanent = False


class TrainingFailed(WorkerError):
    """Training failed in a way nobody foresaw; please report it, then `thoraq train resume`."""

    code = "training-failed"


class StopRequested(WorkerError):
    """The worker was asked to stop and gives back what it has not begun."""

    code = "stop-requested"
    permanent = False
