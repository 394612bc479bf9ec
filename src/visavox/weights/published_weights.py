"""Weights that others have published under a fixed address, and the networks that are loaded from them.

A file is found here or fetched once, and checked by SHA-256. FID is defined on the numbers of one Inception network;
LPIPS takes ImageNet's from torchvision's files and the linear weights from the authors' own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from visavox.errors import InputError
from visavox.models.perceptual import STACKS, FidInception, Lpips
from visavox.runtime.cache import fetch_to_cache
from visavox.runtime.files import sha256_of
from visavox.types import PathLike
from visavox.weights.checkpoint import first_misfit
from visavox.weights.hub import fetch
from visavox.weights.state_dict_file import read_state_dict

_TORCHVISION = "https://download.pytorch.org/models"
_AUTHORS = (
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/082bb24f84c091ea94de2867d34c4544f68e0963"
    "/lpips/weights/v0.1"
)
_LINEAR_HASHES = {
    "alex": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "vgg": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    "squeeze": "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
}


@dataclass(frozen=True)
class PublishedWeights:
    """One published file."""

    what: str
    """Name of it in messages: "the ImageNet weights of AlexNet"."""
    url: str
    """Address that it is fetched from."""
    sha256: str
    """SHA-256, in lower-case hexadecimal."""
    mirror: str | None = None
    """The same numbers on the Hugging Face hub: `hf:OWNER/REPOSITORY/FILE`."""
    option: str = ""
    """The option of the command that takes the file instead, for messages."""

    save_as: str = ""
    """Name of the file in the cache, where the address does not give a telling one."""

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.save_as or self.url.rpartition("/")[2]


def find_published(weights: PublishedWeights) -> Path:
    """Return the path of a published file: from the cache, from that of torch.hub, or fetched to the cache.

    Raises:
        InputError: it can be neither found nor fetched, or is not what was published; the message tells what to
            download and where to put it.
    """
    kept = torch_hub_folder() / weights.name
    if kept.is_file() and sha256_of(kept) == weights.sha256:
        return kept
    try:
        return fetch_to_cache(weights.name, weights.url, weights.sha256, weights.what)
    except InputError as error:
        if weights.mirror is not None and isinstance(error.__cause__, OSError):
            try:
                return fetch(weights.mirror)
            except InputError:
                pass  # the first address is the one to tell
        option = f" Or give the file with {weights.option}." if weights.option else ""
        raise InputError(f"{error}{option}") from error


def torch_hub_folder() -> Path:
    """Folder in which torchvision and timm keep what they have downloaded. Of no use to write to; it may not exist."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def matching_tensors(path: Path, expected: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """Read those tensors of a published file that a network wants; others (its classifier, say) are left out.

    Args:
        path: a PyTorch pickle or .safetensors file.
        expected: the state dict of the network.
        what: what the file should be, for messages.

    Returns:
        Under the names of `expected`, float or int (same shape), of its types.

    Raises:
        InputError: the file holds something else, or numbers that are not finite.
    """
    state = read_state_dict(path, what)
    return checked_tensors({key: state[key] for key in expected if key in state}, expected, path, what)


def checked_tensors(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path, what: str
) -> dict[str, Tensor]:
    """Return tensors of the types that a network has, float or int (any shape).

    It takes and raises what `matching_tensors` does; `tensors` are those of the file, by name.
    """
    misfit = first_misfit(tensors, expected)
    if misfit:
        raise InputError(f"{path} does not hold {what}: {misfit}")
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path} holds numbers that are not finite ({key}); download it again")
    return {key: tensor.to(expected[key].dtype) for key, tensor in tensors.items()}


def installed_file(packages: Iterable[tuple[str, str]]) -> Path | None:
    """Find a data file of an installed package without importing the package.

    Args:
        packages: name of a package and path of the file inside of it, best first.
    """
    from importlib.util import find_spec

    for package, file in packages:
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            path = Path(os.path.dirname(spec.origin)) / file
            if path.is_file():
                return path
    return None


WEIGHTS = PublishedWeights(
    "the Inception weights of FID",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    option="--fid-weights",
)
"""TensorFlow's network in PyTorch's format, as pytorch-fid and torch-fidelity use it."""


def load_inception(weights: PathLike | None = None, device: str | torch.device = "cpu") -> FidInception:
    """Load the network.

    Args:
        weights: the published file (`pt_inception-2015-12-05-6726825d.pth`, or that of torch-fidelity); by default it
            is looked for in the caches of visavox and torch.hub, and fetched.
        device: where its numbers are to lie.

    Raises:
        InputError: the weights cannot be had, or the file holds something else.
    """
    path = find_published(WEIGHTS) if weights is None else Path(weights)
    with torch.device("meta"):  # the numbers that are overwritten anyway are never drawn
        network = FidInception()
    counters = {key: torch.tensor(0) for key in network.state_dict() if key.endswith("num_batches_tracked")}
    expected = {key: tensor for key, tensor in network.state_dict().items() if key not in counters}
    network.load_state_dict(matching_tensors(path, expected, WEIGHTS.what) | counters, assign=True)
    return network.requires_grad_(False).to(device)


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
