"""The loss, in pixels of a 224 frame; parts without annotation do not count."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from network.landmark_network import HEATMAP_SIDE, STRIDE, NetworkOutput
from radiograph.landmarks import ANATOMICAL, CALLIPERS, Landmark
from training.fit.landmark_pairs import asymmetry, pair_lengths
from training.plan import LossWeights, PointLoss


@dataclass(frozen=True, slots=True)
class Target:
    """Truth for N images in input pixels; NaN points are absent."""

    points: Tensor  # (N, 19, 2)
    outlines: Tensor  # (N, 3, S, S) 0..1
    outlined: Tensor  # (N,) bool
    frontal: Tensor  # (N,)
    to_224: Tensor  # (N,) px of a 224 frame per input px


#: Rounding of the landmark grid: errors below it are not significant.
ROUNDING_PX224 = 1.0


#: Omega and epsilon of Wing: width and curvature of its logarithmic part.
WING_PX224, WING_BEND_PX224 = 10.0, 2.0
#: Divisor of a squared distance, so that the loss is in pixels.
SQUARED_OVER_PX224 = 10.0
#: Length by which the relative error of a pair's distance is multiplied.
PAIR_PX224 = 100.0


def loss_parts(
    output: NetworkOutput,
    target: Target,
    weights: LossWeights,
    kind: PointLoss = PointLoss.DISTANCE,
    natural_px224: float = 0.0,
) -> dict[str, Tensor]:
    """Return the weighted parts of the loss, each a scalar; their sum is minimised.

    ``natural_px224``: natural asymmetry of chests, which is not penalised.
    """
    present = torch.isfinite(target.points).all(dim=2) & (target.frontal > 0.5)[:, None]
    truth = torch.nan_to_num(target.points)
    scale = target.to_224[:, None, None]
    error = (output.points - truth) * scale
    calliper = torch.zeros(len(Landmark), device=error.device)
    calliper[list(CALLIPERS)] = 1.0
    height = 1.0 - calliper * (1.0 - weights.calliper_height)
    distance = point_loss(error * torch.stack((torch.ones_like(height), height), dim=1), kind)
    per_point = present * (weights.points * (1 - calliper) + weights.callipers * calliper)
    parts = {
        "points": _mean(distance, per_point),
        "widths": weights.widths * _width_loss(error, present),
        "heatmap": weights.heatmap * _heatmap_loss(output.heatmaps, truth, present),
        "scales": weights.scales * _scale_loss(output.log_scales, error.detach(), scale, present),
        "outlines": weights.outlines * _outline_loss(output.outlines, target),
        "frontal": weights.frontal
        * functional.binary_cross_entropy_with_logits(output.frontal, target.frontal),
    }
    if weights.symmetry or weights.distances:
        whole = present[:, list(ANATOMICAL)].all(dim=1)
        predicted, true = output.points * scale, truth * scale
        parts["symmetry"] = weights.symmetry * symmetry_loss(predicted, true, whole, natural_px224)
        parts["distances"] = weights.distances * distance_loss(predicted, true, whole)
    return parts


def point_loss(error: Tensor, kind: PointLoss) -> Tensor:
    """Return the loss of each point, (N, P), from its error (N, P, 2); px of a 224 frame."""
    if kind is PointLoss.SQUARED:
        return error.square().sum(dim=2) / SQUARED_OVER_PX224
    if kind is PointLoss.WING:
        return wing(error.abs(), WING_PX224, WING_BEND_PX224).sum(dim=2)
    return torch.sqrt(error.square().sum(dim=2) + ROUNDING_PX224**2)


def wing(size: Tensor, omega: float, epsilon: float) -> Tensor:
    """Return Wing (arXiv 1711.06753) of sizes >= 0: logarithmic below ``omega``, linear above."""
    constant = omega - omega * math.log1p(omega / epsilon)
    return torch.where(size < omega, omega * torch.log1p(size / epsilon), size - constant)


def symmetry_loss(predicted: Tensor, true: Tensor, whole: Tensor, natural_px224: float) -> Tensor:
    """Return the Huber loss of asymmetry beyond the true and the natural one, px of a 224 frame."""
    limit = asymmetry(true).clamp_min(natural_px224)
    excess = functional.relu(asymmetry(predicted) - limit)
    huber = functional.huber_loss(excess, torch.zeros_like(excess), reduction="none")
    return _mean(huber, whole.float()[:, None].expand_as(huber))


def distance_loss(predicted: Tensor, true: Tensor, whole: Tensor) -> Tensor:
    """Return the relative error of the five pairs' distances, times ``PAIR_PX224``."""
    length = pair_lengths(true)
    relative = (pair_lengths(predicted) - length).abs() / length.clamp_min(1.0) * PAIR_PX224
    return _mean(relative, whole.float()[:, None].expand_as(relative))


def _mean(values: Tensor, share: Tensor) -> Tensor:
    return (values * share).sum() / share.sum().clamp_min(1.0)


def _width_loss(error: Tensor, present: Tensor) -> Tensor:
    """Return the errors of the two widths of the cardiothoracic index, in px."""
    whole = present[:, list(CALLIPERS)].all(dim=1).float()
    heart = (error[:, Landmark.HEART_LEFT, 0] - error[:, Landmark.HEART_RIGHT, 0]).abs()
    thorax = (error[:, Landmark.THORAX_LEFT, 0] - error[:, Landmark.THORAX_RIGHT, 0]).abs()
    return _mean(heart + thorax, whole)


def _heatmap_loss(log_probability: Tensor, truth: Tensor, present: Tensor) -> Tensor:
    """Return the cross-entropy to a Gaussian at each point, elongated along y for callipers."""
    axis = torch.arange(HEATMAP_SIDE, device=truth.device) * STRIDE + (STRIDE - 1) / 2.0
    spread = torch.full((len(Landmark), 2), 3.0, device=truth.device)
    spread[list(CALLIPERS), 1] = 8.0
    x = torch.exp(-0.5 * ((axis - truth[..., :1]) / spread[:, :1]) ** 2)
    y = torch.exp(-0.5 * ((axis - truth[..., 1:]) / spread[:, 1:]) ** 2)
    x = x / x.sum(dim=2, keepdim=True).clamp_min(1e-6)
    y = y / y.sum(dim=2, keepdim=True).clamp_min(1e-6)
    cross = -torch.einsum("npy,npx,npyx->np", y, x, log_probability)
    return _mean(cross, present.float())


def _scale_loss(log_scales: Tensor, error: Tensor, scale: Tensor, present: Tensor) -> Tensor:
    """Return the negative Laplace log-likelihood of the errors, without gradient to the points."""
    log_scale = log_scales + scale.log()
    likelihood = error.abs() * (-log_scale).exp() + log_scale
    return _mean(likelihood.sum(dim=2), present.float())


def _outline_loss(logits: Tensor, target: Target) -> Tensor:
    """Return cross-entropy plus one minus Dice, over images with outlines."""
    truth = functional.avg_pool2d(target.outlines, STRIDE)
    share = target.outlined.float()[:, None]
    cross = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    probability = logits.sigmoid()
    overlap = (2 * (probability * truth).sum(dim=(2, 3)) + 1) / (
        probability.sum(dim=(2, 3)) + truth.sum(dim=(2, 3)) + 1
    )
    return _mean(cross.mean(dim=(2, 3)) + 1 - overlap, share.expand_as(overlap))


def landmark_error_px224(points: Tensor, target: Target) -> Tensor:
    """Return the mean error over the fifteen landmarks of each image, (N,), NaN if absent."""
    error = (points - target.points) * target.to_224[:, None, None]
    distance: Tensor = torch.linalg.vector_norm(error[:, list(ANATOMICAL)], dim=2)
    return distance.mean(dim=1)


def cardiothoracic_index(points: Tensor) -> Tensor:
    """Return heart width over thorax width of (N, 19, 2) points, (N,)."""
    heart = points[:, Landmark.HEART_LEFT, 0] - points[:, Landmark.HEART_RIGHT, 0]
    thorax = points[:, Landmark.THORAX_LEFT, 0] - points[:, Landmark.THORAX_RIGHT, 0]
    return heart / thorax.clamp_min(1.0)
