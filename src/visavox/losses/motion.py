"""Losses of a predicted motion (Ye et al., "GeneFace", 2023): reconstruction, continuity, divergence, sync.

Motions are (B, T, D), masks (B, T) with 1 for frames that exist; every loss is a mean over those.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class MotionJudge(Protocol):
    """A frozen network that says how well motion and speech fit together, such as the motion SyncNet."""

    def agreement(self, features: Tensor, expression: Tensor) -> Tensor:
        """Cosines (B, W) in [0, 1] of all windows of speech (B, 2 T, C) and expressions (B, T, 68, 3)."""
        ...


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of (B, T) over the frames of the mask (B, T)."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def reconstruction_loss(predicted: Tensor, true: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of motions (B, T, D), coordinate d with the weight `weights[d]` (D,)."""
    return masked_mean(((predicted - true) ** 2 * weights).mean(dim=-1), mask)


def continuity_loss(predicted: Tensor, true: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Squared error of the first frame, and of the differences between neighbouring frames.

    Arguments as `reconstruction_loss`.
    """
    error = predicted - true
    first = masked_mean((error[:, :1] ** 2 * weights).mean(dim=-1), mask[:, :1])
    steps = ((error[:, 1:] - error[:, :-1]) ** 2 * weights).mean(dim=-1)
    return first + masked_mean(steps, mask[:, 1:] * mask[:, :-1])


def gap_loss(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of numbers (B, T), such as the gap between the lips."""
    return masked_mean((predicted - true) ** 2, mask)


def divergence_loss(divergence: Tensor, mask: Tensor, channels: int) -> Tensor:
    """Mean over latent frames and channels, nats, of the divergence (B, T / 4) summed over channels."""
    return masked_mean(divergence, mask) / channels


def sync_loss(judge: MotionJudge, features: Tensor, expression: Tensor, mask: Tensor) -> Tensor:
    """Binary cross entropy of the judge's cosines with "in sync".

    Args:
        judge: the motion SyncNet.
        features: (B, 2 T, C).
        expression: (B, T, 68, 3), centimetres from the speaker's neutral face.
        mask: (B, T); windows that reach beyond it do not count.
    """
    cosine = judge.agreement(features, expression)
    width = mask.shape[1] - cosine.shape[1] + 1
    whole = mask.unfold(1, width, 1).amin(dim=-1)
    # Never the logarithm of 0, and a slope wherever the judge has one.
    return masked_mean(-(cosine + 1e-4).log(), whole)
