"""The numbers of LPIPS: ImageNet's from torchvision's published files, the linear weights from the authors' own."""

from __future__ import annotations

from pathlib import Path

import torch

from visavox.errors import InputError
from visavox.models.perceptual.lpips import Lpips
from visavox.models.perceptual.lpips_features import STACKS
from visavox.types import PathLike
from visavox.weights.published_weights import (
    PublishedWeights,
    checked_tensors,
    find_published,
    installed_file,
    matching_tensors,
)
from visavox.weights.state_dict_file import read_state_dict

_TORCHVISION = "https://download.pytorch.org/models"
_AUTHORS = (
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/082bb24f84c091ea94de2867d34c4544f68e0963"
    "/lpips/weights/v0.1"
)

BACKBONES = {
    "alex": PublishedWeights(
        "the ImageNet weights of AlexNet",
        f"{_TORCHVISION}/alexnet-owt-7be5be79.pth",
        "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        option="--lpips-weights",
    ),
    "vgg": PublishedWeights(
        "the ImageNet weights of VGG16",
        f"{_TORCHVISION}/vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        mirror="hf:timm/vgg16.tv_in1k/model.safetensors",
        option="--lpips-weights",
    ),
    "squeeze": PublishedWeights(
        "the ImageNet weights of SqueezeNet 1.1",
        f"{_TORCHVISION}/squeezenet1_1-b8a52dc0.pth",
        "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        option="--lpips-weights",
    ),
}
"""torchvision's files. Their names carry the first digits of these hashes."""

_LINEAR_HASHES = {
    "alex": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "vgg": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    "squeeze": "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
}

LINEAR = {
    network: PublishedWeights(
        f"the linear weights of LPIPS ({network})",
        f"{_AUTHORS}/{network}.pth",
        sha256,
        option="--lpips-linear",
        save_as=f"lpips-v0.1-{network}.pth",
    )
    for network, sha256 in _LINEAR_HASHES.items()
}
"""The authors' files, version 0.1."""


def load_lpips(
    network: str = "alex",
    *,
    weights: PathLike | None = None,
    linear: PathLike | None = None,
    device: str | torch.device = "cpu",
) -> Lpips:
    """Load LPIPS.

    Args:
        network: alex, vgg or squeeze. Papers report alex most often; vgg is closer to the losses of old.
        weights: torchvision's file of the network's ImageNet weights (or timm's copy); by default it is looked for in
            the caches of visavox and torch.hub, and fetched.
        linear: the authors' file of linear weights (`lpips/weights/v0.1/NETWORK.pth`); by default that of the package
            `lpips` or `torchmetrics` where one is installed, else it is fetched.
        device: where its numbers are to lie.

    Returns:
        The distance, frozen, in eval mode.

    Raises:
        InputError: there is no such network, or its weights cannot be had; the message says what to download to where.
    """
    if network not in STACKS:
        raise InputError(f"there is no LPIPS of '{network}'; available are {', '.join(STACKS)}")
    backbone = BACKBONES[network]
    linear_path = _find_linear(network) if linear is None else Path(linear)
    path = find_published(backbone) if weights is None else Path(weights)
    with torch.device("meta"):
        expected = STACKS[network]().state_dict()
    tensors = matching_tensors(path, expected, backbone.what)
    module = Lpips(network)
    module.stack.load_state_dict(tensors)
    for parameter, numbers in zip(module.weights, _read_linear(linear_path, network), strict=True):
        parameter.copy_(numbers)
    return module.to(device)


def _find_linear(network: str) -> Path:
    installed = installed_file([
        ("lpips", f"weights/v0.1/{network}.pth"),
        ("torchmetrics", f"functional/image/lpips_models/{network}.pth"),
    ])  # fmt: skip
    if installed is not None:
        return installed
    return find_published(LINEAR[network])


def _read_linear(path: Path, network: str) -> list[torch.Tensor]:
    """Read the weights of every tap: float32 (C,), 0 or more."""
    what = LINEAR[network].what
    channels = STACKS[network]().channels
    expected = {f"lin{tap}.model.1.weight": torch.empty(1, count, 1, 1) for tap, count in enumerate(channels)}
    tensors = checked_tensors(read_state_dict(path, what), expected, path, what)
    if any((tensor < 0).any() for tensor in tensors.values()):
        raise InputError(f"{path} does not hold {what}: some of them are negative")
    return [tensors[key].flatten() for key in expected]
