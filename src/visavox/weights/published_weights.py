"""Weights that others have published under a fixed address: found here or fetched once, and checked by SHA-256."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from visavox.errors import InputError
from visavox.runtime.cache import fetch_to_cache
from visavox.runtime.files import sha256_of
from visavox.weights.checkpoint import first_misfit
from visavox.weights.hub import fetch
from visavox.weights.state_dict_file import read_state_dict


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
