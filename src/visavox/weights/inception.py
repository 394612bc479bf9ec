"""Load the Inception weights on which FID is defined."""

from __future__ import annotations

from pathlib import Path

import torch

from visavox.models.perceptual.inception import FidInception
from visavox.types import PathLike
from visavox.weights.published_weights import PublishedWeights, find_published, matching_tensors

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
