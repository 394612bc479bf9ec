"""Losses of the visual quality discriminator (Wav2Lip, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def real_or_painted(judged: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy of what the discriminator says of pictures that are all real or all painted.

    Args:
        judged: (B, 1) probability that each is a photograph.
        real: what they are; for the generator's own loss, what it wants them to be taken for.
    """
    with torch.autocast(judged.device.type, enabled=False):
        judged = judged.float().clamp(1e-6, 1 - 1e-6)
        return F.binary_cross_entropy(judged, torch.full_like(judged, float(real)))


def feature_distance(painted: list[Tensor], truth: list[Tensor]) -> Tensor:
    """L1 between what the discriminator's layers see in a painted and in the true picture (Wang et al. 2018).

    Args:
        painted: features of each layer.
        truth: the same for the true picture; no gradient flows into them.
    """
    distances = [F.l1_loss(one, other.detach()) for one, other in zip(painted, truth, strict=True)]
    return torch.stack(distances).mean()
