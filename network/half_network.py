"""The network with its convolutions in fp16, for accelerators: half the bytes, matrix units.

Views and coordinates stay in fp32: a coordinate needs more than fp16's eleven bits. Bfloat16 holds
eight, and older AMD devices compute it no faster than fp32.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from network.landmark_network import LandmarkNetwork, Reading


class HalfNetwork(nn.Module):
    """Reads (N, 3, S, S) views as the evaluating ``network`` it is made from, which stays as it is.

    Batch norms are folded into the convolutions before them; layers lie channels-last.
    """

    def __init__(self, network: LandmarkNetwork) -> None:
        super().__init__()
        self._exact = network
        halved = folded(deepcopy(network)).half()
        self._halved = halved.to(memory_format=torch.channels_last)

    def forward(self, views: Tensor) -> Reading:
        """Predict from the views that `network.channels` makes of grey levels."""
        refined, pooled = self._halved.features(views.half())
        output = self._exact.read(refined.float(), pooled.float())
        return Reading(output.points, output.log_scales, output.frontal)


def folded(network: LandmarkNetwork) -> LandmarkNetwork:
    """Fold each batch norm of an evaluating network into the convolution registered before it."""
    for module in list(network.modules()):
        for (name, layer), (next_name, following) in pairwise(list(module.named_children())):
            if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(layer, following))
                setattr(module, next_name, nn.Identity())
    return network
