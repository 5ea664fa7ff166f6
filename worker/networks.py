"""The networks on a worker's device, each loaded when first needed."""

from __future__ import annotations

import gc
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import structlog

from network.card import ModelCard, shipped_card
from network.errors import CardInvalid
from scheduler.errors import ModelAbsent
from scheduler.networks import find_card
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings
from worker.device_batch import device_batch_for
from worker.errors import ModelUnavailable, WorkerError
from worker.file_measurement import Circumstances, FileMeasurement
from worker.loaded_network import LoadedNetwork, open_network

_log = structlog.stdlib.get_logger(__name__)


class Networks:
    """Networks by version. ``device``: as numbered after pinning; ``name``: of the worker."""

    def __init__(self, settings: Settings, *, device: str, name: str) -> None:
        self._settings = settings
        self._device = device
        self._name = name
        self._measurements: dict[str, FileMeasurement] = {}

    def warm_up(self) -> None:
        """Load the shipped network, before the first claim's lease begins."""
        if self._measurements:
            return
        try:
            self.measurement(shipped_card().version)
        except (CardInvalid, WorkerError) as exc:
            # The chunk may need another network; otherwise the error is raised again.
            _log.warning("the shipped network does not load", code=exc.code)

    def measurement(
        self, model_version: str, registered: Callable[[str], str | None] = lambda _: None
    ) -> FileMeasurement:
        """Return the measurement with a version of the network, loaded when first needed.

        ``registered`` returns the digest of a version's weights in the database, None if it has
        none. Raises ModelUnavailable, DeviceFailed.
        """
        if model_version not in self._measurements:
            card = card_of(model_version, self._settings)
            if (registered(model_version) or card.weights_digest) != card.weights_digest:
                reason = f"{model_version}: the weights in its card are not the registered ones"
                raise ModelUnavailable.because(reason)
            self._measurements[model_version] = open_measurement(
                card, self._settings, device=self._device, name=self._name
            )
            # The loaded objects stay: exempt them from garbage collection.
            gc.freeze()
        return self._measurements[model_version]


def card_of(model_version: str, settings: Settings) -> ModelCard:
    """Return the card of a version: the shipped network's, or one in the folder of models.

    Raises ModelUnavailable.
    """
    try:
        return find_card(model_version, settings)
    except (CardInvalid, ModelAbsent) as exc:
        raise ModelUnavailable.because(model_version) from exc


def open_measurement(
    card: ModelCard, settings: Settings, *, device: str, name: str
) -> FileMeasurement:
    """Load a network onto a device. ``name``: of the worker, for the provenance.

    Raises ModelUnavailable, DeviceFailed, KeyUnusable.
    """
    predictor = open_network(card, device, settings)
    device_batch = device_batch_for(predictor, device, settings.device_batch, settings.chunk_size)
    of = Circumstances(
        worker=name,
        code_version=_code_version(),
        thresholds=settings.ict_thresholds,
        pseudonyms=Pseudonyms.of(settings),
    )
    return FileMeasurement(of, card, LoadedNetwork(predictor, device_batch))


def _code_version() -> str:
    try:
        return version("thoraq")
    except PackageNotFoundError:
        return "unpackaged"
