"""Losses of discriminators: of visual quality (Wav2Lip, section 3.3), and of a person's motion (GeneFace)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def real_or_generated(scores: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy of what the discriminator says of images that are all real or all generated.

    Args:
        scores: (B, 1) probability that each is a photograph.
        real: what they are; for the generator's own loss, what it wants them to be taken for.
    """
    with torch.autocast(scores.device.type, enabled=False):
        scores = scores.float().clamp(1e-6, 1 - 1e-6)
        return F.binary_cross_entropy(scores, torch.full_like(scores, float(real)))


def least_squares(scores: Tensor, real: bool) -> Tensor:
    """Least-squares loss of what a critic says of samples that are all real or all made (Mao et al. 2017, LSGAN).

    Args:
        scores: float (any shape), 1 for real and 0 for made.
        real: what they are; for the generator's own loss, what it wants them to be taken for.

    Returns:
        float32 scalar, the mean; 0.25 where the critic cannot tell and says a half.
    """
    return ((scores.float() - float(real)) ** 2).mean()


def gradient_penalty(scores: Tensor, samples: Tensor) -> Tensor:
    """Squared slope of a critic at real samples (Mescheder et al. 2018, R1), which keeps it from racing ahead.

    Args:
        scores: (...) what the critic says of each sample.
        samples: (..., D) what it was given, with `requires_grad`.

    Returns:
        the mean over samples of the squared length of the gradient.
    """
    (slopes,) = torch.autograd.grad(scores.sum(), samples, create_graph=True)
    return (slopes.float() ** 2).sum(dim=-1).mean()


def feature_distance(generated: list[Tensor], truth: list[Tensor]) -> Tensor:
    """L1 between what the discriminator's layers see in a generated and in the true image (Wang et al. 2018).

    Args:
        generated: features (B, C, H, W) of each layer.
        truth: the same for the true image; no gradient flows into them.
    """
    distances = [F.l1_loss(one, other.detach()) for one, other in zip(generated, truth, strict=True)]
    return torch.stack(distances).mean()
