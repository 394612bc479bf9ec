"""Loss of the motion SyncNet: every mouth against its own speech and against speech that is not its own.

The wrong speech is of three kinds: near, 2 to 5 frames off; far, further off in the same clip; and of another speaker
(who may not be told by the voice alone, so it counts no more than each of the others).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from visavox.data.motion.motion_sync_dataset import NEAR

TEMPERATURE = 0.1
"""The temperature that cosines are divided by where the right one is chosen."""


class Comparison:
    """Cosines of all mouths of a batch with right and wrong speech."""

    def __init__(self, heard: Tensor, seen: Tensor, starts: Tensor, speaker: Tensor) -> None:
        """Compare.

        Args:
            heard: (B W, D) embeddings of speech, clip by clip, not yet of length one.
            seen: (B W, D), of the mouths.
            starts: int (B, W), first frame of each window.
            speaker: int (B,), who speaks.
        """
        shape = starts.shape
        sounds = F.normalize(heard.float(), dim=1).unflatten(0, shape)
        faces = F.normalize(seen.float(), dim=1).unflatten(0, shape)
        self.cosines = torch.einsum("bwd,bvd->bwv", faces, sounds)
        """(B, W, W): of mouths w with speech v of the same clip."""
        self.other_cosines = (faces * sounds.roll(1, dims=0)).sum(dim=-1)
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
        """Binary cross-entropy of right pairs (`together`) and of wrong ones (`apart`, each kind counts the same)."""
        right = self.right.flatten()
        wrong = [self._wrong(kind) for kind in self.masks]
        apart = [_cross_entropy(each, 0.0) for each in wrong if len(each)]
        if not apart:
            raise ValueError("a batch without wrong pairs")
        return {"together": _cross_entropy(right, 1.0), "apart": torch.stack(apart).mean()}

    def contrast(self) -> Tensor:
        """Cross-entropy of finding each mouth's own speech among all of the clip and one of another speaker's."""
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
