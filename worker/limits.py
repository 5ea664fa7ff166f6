"""How the settings bound what a worker reads of a file."""

from __future__ import annotations

from network.input import ENOUGH_PX
from radiograph.reading import ReadLimits
from scheduler.settings import Settings


def read_limits(settings: Settings) -> ReadLimits:
    """Return the bounds; films come in no more detail than the network takes, if so set."""
    return ReadLimits(
        max_file_bytes=settings.max_file_mb << 20,
        max_pixels=settings.max_megapixels * 1_000_000,
        min_side_px=settings.min_side_px,
        enough_px=ENOUGH_PX if settings.reduced_decoding else None,
    )
