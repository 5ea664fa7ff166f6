"""Points and outlines of trained networks, the teachers, for images that lack them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from network.input import INPUT_SIDE_PX
from network.landmark_network import LandmarkNetwork
from radiograph.landmarks import MIRROR
from training.samples import Samples


@torch.inference_mode()
def fill_from_teachers(
    samples: Samples,
    teachers: Sequence[LandmarkNetwork],
    device: torch.device,
    share: float,
    size: int = 32,
) -> Samples:
    """Fill absent points and outlines with the teachers' mean, averaged over mirror images.

    Annotated points move towards the teachers by ``share``, which reduces the rounding of the
    annotation grid. Images other than frontal chests are left unchanged.
    """
    side = samples.images.shape[-1]
    ratio = side / INPUT_SIDE_PX
    order = torch.tensor(MIRROR, device=device)
    points = samples.points.copy()
    outlines = samples.outlines.copy()
    outlined = samples.outlined.copy()
    chests = np.flatnonzero(np.isfinite(samples.points).any(axis=(1, 2)))
    for start in range(0, len(chests), size):
        index = chests[start : start + size]
        square = torch.from_numpy(samples.images[index]).to(device).float().unsqueeze(1)
        small = functional.interpolate(
            square, size=(INPUT_SIDE_PX, INPUT_SIDE_PX), mode="bilinear", antialias=True
        ).squeeze(1)
        positions, outline_shares = [], []
        for teacher in teachers:
            plain, mirrored = teacher(small), teacher(small.flip(2))
            back = mirrored.points[:, order].clone()
            back[..., 0] = INPUT_SIDE_PX - 1 - back[..., 0]
            positions += [plain.points, back]
            # The mirrored right lung is the left one.
            outline_shares += [
                plain.outlines.sigmoid(),
                mirrored.outlines.sigmoid().flip(3)[:, [0, 2, 1]],
            ]
        mean = (torch.stack(positions).mean(dim=0) + 0.5) * ratio - 0.5
        known = points[index]
        taught = mean.cpu().numpy().astype(np.float32)
        points[index] = np.where(np.isfinite(known), known * (1 - share) + taught * share, taught)
        soft = functional.interpolate(
            torch.stack(outline_shares).mean(dim=0), size=(side, side), mode="bilinear"
        )
        hard = (soft > 0.5).to(torch.uint8).cpu().numpy()
        bare = ~outlined[index]
        outlines[index[bare]] = hard[bare]
    outlined[chests] = True
    return replace(samples, points=points, outlines=outlines, outlined=outlined)
