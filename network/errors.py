"""Errors of loading and running the network.

NetworkError                        code, permanent, kind
|-- CardInvalid                     model-card-invalid
|-- ModelFileUnfit                  model-file-unfit
|-- WeightsMissing                  weights-missing
|-- WeightsMismatch                 weights-mismatch
|-- RuntimeUnavailable              runtime-unavailable
|-- DeviceUnavailable               device-unavailable     transient
`-- DeviceMemoryExhausted           device-memory          transient
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError


class NetworkError(ThoraqError):
    """The network cannot be used."""

    code = "network-error"
    kind = ErrorKind.NETWORK


class CardInvalid(NetworkError):
    """The model card is not one of thoraq's; register the model again from its card."""

    code = "model-card-invalid"


class ModelFileUnfit(NetworkError):
    """Not a regular file, or too large; put the network's own files into one folder, no links."""

    code = "model-file-unfit"


class WeightsMissing(NetworkError):
    """The weights file is not there; reinstall thoraq or restore the file beside its card."""

    code = "weights-missing"


class WeightsMismatch(NetworkError):
    """The weights are not those the card names; restore the file, never edit the card."""

    code = "weights-mismatch"


class RuntimeUnavailable(NetworkError):
    """The runtime is not installed or does not take the network; set THORAQ_RUNTIME=torch."""

    code = "runtime-unavailable"


class DeviceUnavailable(NetworkError):
    """The device is not there; run `thoraq doctor` to see those that are."""

    code = "device-unavailable"
    permanent = False


class DeviceMemoryExhausted(NetworkError):
    """The batch does not fit the device's memory; use a smaller THORAQ_DEVICE_BATCH."""

    code = "device-memory"
    permanent = False
