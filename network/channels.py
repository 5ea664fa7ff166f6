"""Three views of a radiograph: as windowed, histogram-equalised, and with local contrast.

The equalised view does not depend on the monotone grey curve of an exposure or export; the local
one shows borders in radiographs that are nearly white. They are computed on the device from the
uint8 square, so that one byte per pixel is transferred.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

LOCAL_WINDOW_PX = 17  # an eighth of the side: a rib and its neighbour


def channels(grey: Tensor) -> Tensor:
    """Return (N, 3, S, S) float32 views centred on zero of (N, S, S) grey levels 0..255."""
    image = grey.float() / 255.0
    return torch.stack(
        (image * 4.0 - 2.0, equalised(grey) * 4.0 - 2.0, local_contrast(image)), dim=1
    )


def equalised(grey: Tensor) -> Tensor:
    """Equalise the histogram of each (S, S) image to 0..1, ignoring level 0, the black border."""
    count = grey.shape[0]
    levels = grey.reshape(count, -1).clamp(0, 255).long()
    histogram = torch.zeros(count, 256, device=grey.device)
    histogram.scatter_add_(1, levels, torch.ones_like(levels, dtype=torch.float32))
    histogram[:, 0] = 0.0
    cumulative = histogram.cumsum(dim=1)
    cumulative = cumulative / cumulative[:, -1:].clamp_min(1.0)
    return cumulative.gather(1, levels).reshape(grey.shape)


def local_contrast(image: Tensor) -> Tensor:
    """Return the difference from the local mean in local standard deviations, clipped to +-3."""
    pad = LOCAL_WINDOW_PX // 2
    padded = functional.pad(image.unsqueeze(1), (pad, pad, pad, pad), mode="replicate")
    mean = _window_mean(padded)
    square = _window_mean(padded * padded)
    # Two grey levels as a floor: below it the rounding of a flat area would appear as detail.
    deviation = (square - mean * mean).clamp_min(0.0).sqrt() + 2.0 / 255.0
    return ((image.unsqueeze(1) - mean) / deviation).clamp(-3.0, 3.0).squeeze(1)


def _window_mean(padded: Tensor) -> Tensor:
    """Return the mean over the window, one axis after the other: an eighth of the additions."""
    along_rows = functional.avg_pool2d(padded, (1, LOCAL_WINDOW_PX), stride=1)
    return functional.avg_pool2d(along_rows, (LOCAL_WINDOW_PX, 1), stride=1)
