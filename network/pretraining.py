"""ImageNet weights for the trunk, if present on the machine; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

import torch
from torchvision.models import ResNet18_Weights

from network.landmark_network import LandmarkNetwork

WEIGHTS = ResNet18_Weights.IMAGENET1K_V1
#: Modules of torchvision's ResNet-18 -> modules of our trunk; its classifier is not used.
_MODULES = {
    "conv1": "stem.0",
    "bn1": "stem.1",
    **{f"layer{i + 1}": f"stages.{i}" for i in range(4)},
}


def imagenet_file() -> Path:
    """Return the file that torchvision caches in ``checkpoints`` of the ``torch.hub`` folder."""
    name = PurePosixPath(urlparse(WEIGHTS.url).path).name
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def start_from_imagenet(network: LandmarkNetwork) -> str:
    """Load ImageNet weights into the trunk in place; return a description for the model card."""
    if not imagenet_file().exists():
        return "none: trained from scratch, no ImageNet weights on the machine"
    state = WEIGHTS.get_state_dict(progress=False, weights_only=True)
    renamed = {}
    for name, value in state.items():
        module, _, rest = name.partition(".")
        if module in _MODULES:
            renamed[f"{_MODULES[module]}.{rest}"] = value
    missing = network.load_state_dict(renamed, strict=False).missing_keys
    if left := [name for name in missing if name.startswith(("stem.", "stages."))]:
        raise ValueError(f"{imagenet_file().name} lacks {left[0]} and {len(left) - 1} more")
    return f"ImageNet: torchvision {WEIGHTS}"
