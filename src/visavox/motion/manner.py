"""Bringing motion into the manner of one person: the post-net on motion of any length."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from visavox.models.motion.postnet import PostNet
from visavox.weights.checkpoint import load_model

PIECE = 1500
"""Frames that are moved at a time: a minute, which bounds the memory."""


class Manner:
    """The manner of one person."""

    def __init__(self, postnet: PostNet) -> None:
        self.postnet = postnet

    @classmethod
    def load(cls, name_or_path: str) -> Manner:
        """Load a post-net.

        Args:
            name_or_path: a shipped name, a path, or `hf:OWNER/REPOSITORY/FILE`.

        Raises:
            InputError: there is no such file, or it holds something else.
        """
        postnet: Any = load_model(name_or_path, network="postnet")
        return cls(postnet)

    @property
    def neutral(self) -> np.ndarray:
        """The person's mean displacement, float32 (68, 3), centimetres from the canonical face."""
        return self.postnet.neutral.cpu().numpy()

    @torch.no_grad()
    def __call__(self, displacements: np.ndarray) -> np.ndarray:
        """Move displacements from the canonical face, (T, 68, 3) in centimetres, to those of the person: float32."""
        moved = np.empty(displacements.shape, np.float32)
        reach = self.postnet.reach
        for start in range(0, len(displacements), PIECE):
            first, stop = max(0, start - reach), start + PIECE + reach
            piece = torch.from_numpy(displacements[first:stop].astype(np.float32))
            made = self.postnet(piece[None].to(self.postnet.person_mean.device))[0].cpu().numpy()
            moved[start : start + PIECE] = made[start - first : start - first + PIECE]
        return moved
