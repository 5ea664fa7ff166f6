"""Counterexamples made from upright frontal chests: rotated, inverted, cropped, or noise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def counterexamples(image: Tensor) -> Tensor:
    """Return (N, S, S) images the network must refuse, made from upright chests 0..255."""
    made = image.clone()
    kinds = torch.randint(0, 6, (len(image),), device=image.device)
    for i, kind in enumerate(kinds.tolist()):
        made[i] = _KINDS[kind](image[i])
    return made


def _upside_down(image: Tensor) -> Tensor:
    return image.flip(0)


def _turned(image: Tensor) -> Tensor:
    return image.rot90(int(torch.randint(0, 2, ()).item()) * 2 + 1, (0, 1))


def _inverted(image: Tensor) -> Tensor:
    return torch.where(image > 0, 255.0 - image, image)


def _cut_out(image: Tensor) -> Tensor:
    side = image.shape[0]
    size = side // int(torch.randint(3, 6, ()).item())
    top, left = torch.randint(0, side - size, (2,)).tolist()
    part = image[None, None, top : top + size, left : left + size]
    return functional.interpolate(part, size=(side, side), mode="bilinear")[0, 0]


def _noise(image: Tensor) -> Tensor:
    side = image.shape[0]
    cells = int(2 ** torch.randint(2, 9, ()).item())
    field = torch.rand(1, 1, cells, cells, device=image.device) * 255
    return functional.interpolate(field, size=(side, side), mode="bilinear")[0, 0]


def _shuffled(image: Tensor) -> Tensor:
    half = image.shape[0] // 2
    return torch.roll(image, shifts=(half, half), dims=(0, 1))


_KINDS = (_upside_down, _turned, _inverted, _cut_out, _noise, _shuffled)
