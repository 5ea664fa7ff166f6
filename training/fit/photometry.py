"""Random exposure for a batch: curves, windows, blur, noise, labels, blank areas.

Radiographs in archives have passed through many curves and windows; some are nearly white, some
have under forty grey levels. Each effect is random per image.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def expose(radiographs: Tensor) -> Tensor:
    """Return (N, S, S) floats 0..255 with random exposure, rounded to grey levels, 0..255."""
    count, side = radiographs.shape[0], radiographs.shape[-1]
    device = radiographs.device

    def draw(low: float, high: float) -> Tensor:
        return torch.rand(count, 1, 1, device=device) * (high - low) + low

    def some(probability: float) -> Tensor:
        return torch.rand(count, 1, 1, device=device) < probability

    surround = radiographs <= 0
    light = radiographs / 255.0
    light = torch.where(some(0.6), light.clamp_min(1e-4) ** draw(-0.8, 0.8).exp(), light)
    # A sigmoid or its inverse: the S-curves of film and display windows.
    gain = draw(2.0, 6.0)
    middle = draw(0.3, 0.7)
    curve = torch.sigmoid((light - middle) * gain)
    low, high = torch.sigmoid(-middle * gain), torch.sigmoid((1 - middle) * gain)
    light = torch.where(some(0.3), (curve - low) / (high - low), light)
    # Windows that are too narrow saturate: nearly white or nearly black radiographs.
    bottom, top = draw(-0.15, 0.25), draw(0.7, 1.15)
    light = torch.where(some(0.4), ((light - bottom) / (top - bottom)).clamp(0, 1), light)
    field = torch.randn(count, 1, 4, 4, device=device)
    shade = functional.interpolate(field, size=(side, side), mode="bicubic").squeeze(1)
    light = torch.where(some(0.4), light * (1 + 0.12 * shade), light)
    light = torch.where(some(0.3), blur(light, draw(0.4, 1.6)), light)
    light = torch.where(some(0.4), light + torch.randn_like(light) * draw(0.0, 0.05), light)
    levels = draw(3.0, 6.0).exp()
    light = torch.where(some(0.2), (light * levels).round() / levels, light)
    light = erase(light, probability=0.35)
    light = light.clamp(0, 1)
    # Some exports raise the black level; the letterbox stays black.
    light = light * draw(0.75, 1.0) + draw(0.0, 0.2) * some(0.3)
    return torch.where(surround, torch.zeros_like(light), light.clamp(0, 1) * 255.0).round()


def blur(light: Tensor, sigma: Tensor) -> Tensor:
    """Return each (S, S) image blurred by its own Gaussian of ``sigma`` (N, 1, 1) px."""
    reach = torch.arange(-4, 5, device=light.device, dtype=light.dtype)
    kernel = torch.exp(-0.5 * (reach / sigma.view(-1, 1)) ** 2)
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    count = light.shape[0]
    stack = light.unsqueeze(0)
    stack = functional.conv2d(stack, kernel.view(count, 1, 1, -1), padding=(0, 4), groups=count)
    stack = functional.conv2d(stack, kernel.view(count, 1, -1, 1), padding=(4, 0), groups=count)
    return stack.squeeze(0)


def erase(light: Tensor, probability: float) -> Tensor:
    """Return images with black, white or grey rectangles: lead markers, redacted names, devices."""
    count, side = light.shape[0], light.shape[-1]
    device = light.device
    axis = torch.arange(side, device=device)
    for _ in range(3):
        centre = torch.rand(count, 2, device=device) * side
        half = torch.rand(count, 2, device=device) * side * 0.12
        inside_y = (axis[None] - centre[:, :1]).abs() < half[:, :1]
        inside_x = (axis[None] - centre[:, 1:]).abs() < half[:, 1:]
        chosen = torch.rand(count, 1, 1, device=device) < probability
        inside = inside_y[:, :, None] & inside_x[:, None, :] & chosen
        value = torch.randint(0, 3, (count, 1, 1), device=device) / 2.0
        light = torch.where(inside, value.expand_as(light), light)
    return light
