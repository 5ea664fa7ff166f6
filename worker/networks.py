"""The networks of a worker's device, each loaded when a chunk first asks for it."""

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
    """Networks by version. ``device``: as the pinned process sees it; ``name``: the worker's."""

    def __init__(self, settings: Settings, *, device: str, name: str) -> None:
        self._settings = settings
        self._device = device
        self._name = name
        self._measurements: dict[str, FileMeasurement] = {}

    def warm_up(self) -> None:
        """Load what the first chunk most likely needs before its lease begins to run."""
        if self._measurements:
            return
        try:
            self.measurement(shipped_card().version)
        except (CardInvalid, WorkerError) as exc:
            # The chunk's own network may be another; if not, the claim will tell.
            _log.warning("the shipped network does not load", code=exc.code)

    def measurement(
        self, model_version: str, registered: Callable[[str], str | None] = lambda _: None
    ) -> FileMeasurement:
        """Return what measures with a version of the network, loaded when first asked for.

        ``registered`` tells the digest of a version's weights that the database holds, None where
        it knows none. Raises ModelUnavailable, DeviceFailed.
        """
        if model_version not in self._measurements:
            card = card_of(model_version, self._settings)
            if (registered(model_version) or card.weights_digest) != card.weights_digest:
                reason = f"{model_version}: its card names other weights than were registered"
                raise ModelUnavailable.because(reason)
            self._measurements[model_version] = open_measurement(
                card, self._settings, device=self._device, name=self._name
            )
            # All that is loaded stays: the collector need not go through it again and again.
            gc.freeze()
        return self._measurements[model_version]


def card_of(model_version: str, settings: Settings) -> ModelCard:
    """Return the card of a version: the shipped one's, else one in the folder of models.

    Raises ModelUnavailable.
    """
    try:
        return find_card(model_version, settings)
    except (CardInvalid, ModelAbsent) as exc:
        raise ModelUnavailable.because(model_version) from exc


def open_measurement(
    card: ModelCard, settings: Settings, *, device: str, name: str
) -> FileMeasurement:
    """Load a network onto a device. ``name``: who measures.

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
