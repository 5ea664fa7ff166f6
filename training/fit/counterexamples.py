"""What is no upright frontal chest, made from what is: turned, inverted, cut out, or noise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def counterexamples(film: Tensor) -> Tensor:
    """Turn (N, S, S) upright chests 0..255 into images the network must refuse."""
    made = film.clone()
    kinds = torch.randint(0, 6, (len(film),), device=film.device)
    for i, kind in enumerate(kinds.tolist()):
        made[i] = _KINDS[kind](film[i])
    return made


def _upside_down(film: Tensor) -> Tensor:
    return film.flip(0)


def _turned(film: Tensor) -> Tensor:
    return film.rot90(int(torch.randint(0, 2, ()).item()) * 2 + 1, (0, 1))


def _inverted(film: Tensor) -> Tensor:
    return torch.where(film > 0, 255.0 - film, film)


def _cut_out(film: Tensor) -> Tensor:
    side = film.shape[0]
    size = side // int(torch.randint(3, 6, ()).item())
    top, left = torch.randint(0, side - size, (2,)).tolist()
    part = film[None, None, top : top + size, left : left + size]
    return functional.interpolate(part, size=(side, side), mode="bilinear")[0, 0]


def _noise(film: Tensor) -> Tensor:
    side = film.shape[0]
    cells = int(2 ** torch.randint(2, 9, ()).item())
    field = torch.rand(1, 1, cells, cells, device=film.device) * 255
    return functional.interpolate(field, size=(side, side), mode="bilinear")[0, 0]


def _shuffled(film: Tensor) -> Tensor:
    half = film.shape[0] // 2
    return torch.roll(film, shifts=(half, half), dims=(0, 1))


_KINDS = (_upside_down, _turned, _inverted, _cut_out, _noise, _shuffled)
