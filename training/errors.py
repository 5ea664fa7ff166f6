"""Why a network could not be fitted or evaluated.

TrainingError                       code, permanent, kind
|-- DataMissing                     data-missing
|-- DatasetInvalid                  dataset-invalid
|-- LeadsOutside                    image-outside
|-- SplitEmpty                      split-empty
|-- PlanInvalid                     plan-invalid
|-- PlanDiffers                     plan-differs
|-- CheckpointBroken                checkpoint-broken
|-- RunTaken                        run-taken              transient
|-- TrainingDiverged                training-diverged
|-- NoPhaseBetter                   no-phase-better
`-- TrainingMemoryExhausted         training-memory
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError


class TrainingError(ThoraqError):
    """An error of a training run; ``permanent``: retrying without a change cannot succeed."""

    code = "training-error"
    kind = ErrorKind.NETWORK


class DataMissing(TrainingError):
    """The folder contains no annotated radiographs to train on; see `thoraq dataset check`."""

    code = "data-missing"
    kind = ErrorKind.NOT_FOUND


class DatasetInvalid(TrainingError):
    """The tables of the data set do not fit its images; `thoraq dataset check` lists each row."""

    code = "dataset-invalid"
    kind = ErrorKind.UNSOUND


class LeadsOutside(TrainingError):
    """A name or a link leads out of the folder of the data sets; bring the file into it."""

    code = "image-outside"


class SplitEmpty(TrainingError):
    """The split is empty; `thoraq dataset explore` lists the splits of the data set."""

    code = "split-empty"
    kind = ErrorKind.UNSOUND


class PlanInvalid(TrainingError):
    """The run file is not a valid training plan; correct what the message names."""

    code = "plan-invalid"
    kind = ErrorKind.USAGE


class PlanDiffers(TrainingError):
    """The run's folder contains a checkpoint of another plan; give the run another name."""

    code = "plan-differs"


class CheckpointBroken(TrainingError):
    """The checkpoint cannot be read; move it away and the run starts anew."""

    code = "checkpoint-broken"


class RunTaken(TrainingError):
    """Another worker goes on with the run; this one writes nothing more."""

    code = "run-taken"
    permanent = False


class TrainingDiverged(TrainingError):
    """The weights are not finite; lower the phase's learning rates, start a new run."""

    code = "training-diverged"


class NoPhaseBetter(TrainingError):
    """No phase made a better network than the one the run started from, so that one stays."""

    code = "no-phase-better"


class TrainingMemoryExhausted(TrainingError):
    """A batch does not fit the device's memory; lower the batches of the plan."""

    code = "training-memory"
