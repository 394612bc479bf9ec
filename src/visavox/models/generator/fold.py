"""Batch normalisation folded into the convolution before it: the same function, fewer passes over memory."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Module = TypeVar("Module", bound=nn.Module)

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def fold_batch_norm(module: Module) -> Module:
    """Return a copy of a network in eval mode in which no batch normalisation follows a convolution.

    Every `nn.Sequential` in it is searched for a convolution (or its transpose) directly followed by a batch
    normalisation; the pair becomes one convolution. Outputs agree with the original's to float32 rounding.

    Raises:
        ValueError: the network is in training mode, where a normalisation depends on the batch.
    """
    if any(part.training for part in module.modules()):
        raise ValueError("only a network in eval mode can be folded; call .eval() first")
    folded = copy.deepcopy(module)
    for part in list(folded.modules()):
        if isinstance(part, nn.Sequential):
            _fold_sequence(part)
    return folded


def _fold_sequence(sequence: nn.Sequential) -> None:
    names = list(sequence._modules)
    for first, second in pairwise(names):
        convolution, norm = sequence._modules[first], sequence._modules[second]
        if not isinstance(norm, _NORMS) or norm.running_mean is None:
            continue
        if isinstance(convolution, _CONVOLUTIONS + _TRANSPOSED):
            fused = fuse_conv_bn_eval(convolution, norm, transpose=isinstance(convolution, _TRANSPOSED))
            sequence._modules[first] = fused
            # Replaced, not removed: the places of what follows stay the same.
            sequence._modules[second] = nn.Identity()
