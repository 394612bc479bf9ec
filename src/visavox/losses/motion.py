"""Losses of a predicted motion (Ye et al., "GeneFace", 2023): reconstruction, continuity, divergence, sync.

Motions are (B, T, D), masks (B, T) with 1 for frames that exist; every loss is a mean over those.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from visavox.data.motion import NEAR


class MotionScorer(Protocol):
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

    Args:
        predicted: (B, T, D).
        true: (B, T, D).
        weights: (D,), of the coordinates.
        mask: (B, T).
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


def sync_loss(scorer: MotionScorer, features: Tensor, expression: Tensor, mask: Tensor) -> Tensor:
    """Binary cross entropy of the scorer's cosines with "in sync".

    Args:
        scorer: the motion SyncNet.
        features: (B, 2 T, C).
        expression: (B, T, 68, 3), centimetres from the speaker's neutral face.
        mask: (B, T); windows that reach beyond it do not count.
    """
    cosine = scorer.agreement(features, expression)
    width = mask.shape[1] - cosine.shape[1] + 1
    whole = mask.unfold(1, width, 1).amin(dim=-1)
    # Never the logarithm of 0, and a slope wherever the scorer has one.
    return masked_mean(-(cosine + 1e-4).log(), whole)


TEMPERATURE = 0.1
"""The temperature that cosines are divided by where the right one is chosen."""


class Comparison:
    """Loss of the motion SyncNet: cosines of all mouths of a batch with their own and with wrong speech.

    The wrong speech is of three kinds: near, 2 to 5 frames off; far, further off in the same clip; and of another
    speaker (who may not be told by the voice alone, so it counts no more than each of the others).
    """

    def __init__(self, spoken: Tensor, seen: Tensor, starts: Tensor, speaker: Tensor) -> None:
        """Compare.

        Args:
            spoken: (B W, D) embeddings of speech, clip by clip, not yet of length one.
            seen: (B W, D), of the mouths.
            starts: int (B, W), first frame of each window.
            speaker: int (B,), who speaks.
        """
        shape = starts.shape
        speech = F.normalize(spoken.float(), dim=1).view(*shape, -1)
        faces = F.normalize(seen.float(), dim=1).view(*shape, -1)
        self.cosines = torch.einsum("bwd,bvd->bwv", faces, speech)
        """(B, W, W): of mouths w with speech v of the same clip."""
        self.other_cosines = (faces * speech.roll(1, dims=0)).sum(dim=-1)
        """(B, W): of mouths with speech of the clip before in the batch."""
        distance = (starts[:, :, None] - starts[:, None]).abs()
        others = (speaker != speaker.roll(1))[:, None].expand(shape)
        self.masks = {
            "near": (distance >= NEAR[0]) & (distance <= NEAR[1]),
            "far": distance > NEAR[1],
            "other": others,
        }
        """bool, which pairs are wrong ones of each kind."""

    @property
    def right(self) -> Tensor:
        """Cosines (B, W) of mouths with their own speech."""
        return self.cosines.diagonal(dim1=1, dim2=2)

    def _wrong(self, kind: str) -> Tensor:
        """Cosines (N,) of the wrong pairs of one kind."""
        return (self.other_cosines if kind == "other" else self.cosines)[self.masks[kind]]

    def verdicts(self) -> dict[str, Tensor]:
        """Binary cross-entropy of right pairs (`together`) and of wrong ones (`apart`, all kinds alike).

        Returns:
            float32 scalars in nats, 0 or more.

        Raises:
            ValueError: the batch has no wrong pairs.
        """
        right = self.right.flatten()
        wrong = [self._wrong(kind) for kind in self.masks]
        apart = [_cross_entropy(each, 0.0) for each in wrong if len(each)]
        if not apart:
            raise ValueError("a batch without wrong pairs")
        return {"together": _cross_entropy(right, 1.0), "apart": torch.stack(apart).mean()}

    def contrast(self) -> Tensor:
        """Cross-entropy of finding each mouth's own speech among all of the clip and one of another speaker's.

        Returns:
            float32 scalar in nats, 0 or more: the mean over the B W mouths.
        """
        own = torch.eye(self.cosines.shape[1], dtype=torch.bool, device=self.cosines.device)
        allowed = self.masks["near"] | self.masks["far"] | own
        within = (self.cosines / TEMPERATURE).masked_fill(~allowed, -torch.inf)
        other = (self.other_cosines / TEMPERATURE).masked_fill(~self.masks["other"], -torch.inf)
        choices = torch.cat([within, other[..., None]], dim=2).flatten(0, 1)
        target = torch.arange(own.shape[0], device=own.device).repeat(len(self.cosines))
        return F.cross_entropy(choices, target)

    def accuracies(self) -> dict[str, float]:
        """Share of wrong pairs of each kind that fit the mouth less than its own speech; NaN where there is none."""
        right = self.right
        found = {}
        for kind, mask in self.masks.items():
            better = right > self.other_cosines if kind == "other" else right[:, :, None] > self.cosines
            found[f"accuracy_{kind}"] = float(better[mask].float().mean())
        return found


def _cross_entropy(cosines: Tensor, target: float) -> Tensor:
    # In float32: near 0 and 1 a half precision cosine has no digits left for its logarithm.
    with torch.autocast(cosines.device.type, enabled=False):
        clamped = cosines.float().clamp(1e-6, 1 - 1e-6)
        return F.binary_cross_entropy(clamped, torch.full_like(clamped, target))
