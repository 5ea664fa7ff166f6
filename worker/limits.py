"""The limits on reading files, from the settings."""

from __future__ import annotations

from network.input import ENOUGH_PX
from radiograph.reading import ReadLimits
from scheduler.settings import Settings


def read_limits(settings: Settings) -> ReadLimits:
    """Return the limits; with the setting for it, images are decoded at the network's size."""
    return ReadLimits(
        max_file_bytes=settings.max_file_mb << 20,
        max_pixels=settings.max_megapixels * 1_000_000,
        min_side_px=settings.min_side_px,
        enough_px=ENOUGH_PX if settings.reduced_decoding else None,
    )
