"""The network with its convolutions in fp16, for accelerators: half the memory, and matrix units.

Views and coordinates stay in fp32: a coordinate needs more than the 11 significand bits of fp16.
bfloat16 has 8, and older AMD devices compute it no faster than fp32.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from network.landmark_network import LandmarkNetwork, Reading


class HalfNetwork(nn.Module):
    """Computes (N, 3, S, S) views as ``network`` does, which stays unchanged in evaluation mode.

    Batch norms are folded into the convolutions before them; weights are channels-last.
    """

    def __init__(self, network: LandmarkNetwork) -> None:
        super().__init__()
        self._exact = network
        halved = folded(deepcopy(network)).half()
        self._halved = halved.to(memory_format=torch.channels_last)

    def forward(self, views: Tensor) -> Reading:
        """Predict from the views of `network.channels.channels`."""
        refined, pooled = self._halved.features(views.half())
        output = self._exact.read(refined.float(), pooled.float())
        return Reading(output.points, output.log_scales, output.frontal)


def folded(network: LandmarkNetwork) -> LandmarkNetwork:
    """Return the network with each batch norm folded, in place, into the convolution before it."""
    for module in list(network.modules()):
        for (name, layer), (next_name, following) in pairwise(list(module.named_children())):
            if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(layer, following))
                setattr(module, next_name, nn.Identity())
    return network
