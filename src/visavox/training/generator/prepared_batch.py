"""A batch of faces as the generator takes and is judged by it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from visavox.losses.reconstruction import painted_region
from visavox.training.stage import Batch


class PreparedBatch:
    """A batch as the networks take it: frames folded into the batch, pictures in [0, 1], the lower half hidden."""

    def __init__(self, batch: Batch, mouth_weight: float) -> None:
        faces = batch["faces"]
        self.num_samples, self.num_frames = faces.shape[:2]
        size = faces.shape[-1]
        self.truth = (faces.flatten(0, 1).float() / 255).contiguous(memory_format=torch.channels_last)
        reference = (batch["reference"].float() / 255).repeat_interleave(self.num_frames, dim=0)
        hidden = self.truth.clone()
        hidden[..., size // 2 :, :] = 0
        self.faces = torch.cat([hidden, reference], dim=1).contiguous(memory_format=torch.channels_last)
        self.mel = batch["mel"].flatten(0, 1)[:, None]
        self.motion = batch["motion"].flatten(0, 1)
        rows = torch.arange(size, device=self.truth.device)
        self.lower = (rows >= size // 2).float()[:, None] * 2
        self.weight = painted_region(batch["mouth"].flatten(0, 1), size, mouth_weight=mouth_weight, border=size // 16)


def side_by_side(columns: list[Tensor]) -> np.ndarray:
    """The first picture of each column side by side: uint8 RGB (H, W * columns, 3)."""
    pictures = [column[0].float().clamp(0, 1).permute(1, 2, 0).cpu().numpy() for column in columns]
    return (np.concatenate(pictures, axis=1) * 255).round().astype(np.uint8)


def sharpness(painted: Tensor, truth: Tensor, weight: Tensor) -> float:
    """Ratio of the finite differences of painted and true pictures, 1 where they are as sharp as the truth.

    Args:
        painted: (B, 3, H, W) in [0, 1].
        truth: (B, 3, H, W) in [0, 1].
        weight: (B, 1, H, W), where it counts.
    """
    differences = [
        float(((picture[..., 1:] - picture[..., :-1]).abs() * weight[..., 1:]).mean()) for picture in (painted, truth)
    ]
    return differences[0] / max(differences[1], 1e-6)
