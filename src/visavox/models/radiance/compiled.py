"""Head and torso whose networks are compiled: the same numbers out of fewer and larger kernels, on a CUDA device.

What is compiled are the functions that every sample goes through: grids, sines and layers. Taking samples and adding
them up along rays is not: how many samples there are is a number that only the device knows.
"""

from __future__ import annotations

import importlib.util

from torch import nn

from visavox.errors import InputError
from visavox.models.radiance.head import Head
from visavox.models.radiance.torso import Torso


def check_compiler(device: str) -> None:
    """See that networks can be compiled for a device, and that it is worth it.

    Args:
        device: `cpu`, `cuda`, or one of several, such as `cuda:1`.

    Raises:
        InputError: they cannot, or it is not.
    """
    if not device.startswith("cuda"):
        raise InputError(
            f"--compile was given, and the device is {device}, on which compiled networks are no faster; leave it out, "
            "or give a CUDA device"
        )
    if importlib.util.find_spec("triton") is None:
        raise InputError("--compile was given, and triton, which compiles for CUDA, is not installed; leave it out")


def compile_networks(*networks: Head | Torso, backend: str = "inductor") -> None:
    """Compile what is spent most on in heads and torsos; weights, and how they are used, stay as they are.

    A network is compiled when it is first used, once for all numbers of samples, and again for learning.

    Args:
        networks: heads and torsos; they are changed.
        backend: of `torch.compile`.
    """
    for network in networks:
        for part in _parts(network):
            part.compile(fullgraph=True, dynamic=True, backend=backend)


def _parts(network: Head | Torso) -> list[nn.Module]:
    """The modules whose calls are pure functions of tensors."""
    if isinstance(network, Torso) and network.config.kind == "deformation":
        return [network]
    if isinstance(network, Head) and network.config.kind == "grid":
        return [network.field]
    return [network.coarse, network.field]
