"""The peers: their titles, modules and packages."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine. ``package``: to be installed, or empty; ``bar``: the ratio thoraq aims for."""

    title: str
    module: str
    package: str = ""
    licence: str = ""
    bar: float | None = None

    @property
    def version(self) -> str | None:
        """Return the installed version of the package, None without it, "" if none is needed."""
        if not self.package:
            return ""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None


PEERS = (
    Peer("PyTorch loop, batch 1", "loop", bar=3.0),
    Peer("DataLoader, tuned", "dataloader", bar=1.1),
    Peer("DataLoader, OpenVINO", "dataloader_openvino"),
    Peer("Ray Data", "ray_data", "ray", "Apache-2.0", bar=1.3),
    Peer("Dask", "dask_futures", "distributed", "BSD-3-Clause", bar=1.3),
    Peer("LitServe", "litserve_server", "litserve", "Apache-2.0"),
    Peer("Celery, one task per image", "plain_celery"),
)
