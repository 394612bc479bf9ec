"""Batch of faces as the generator and its losses take it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from visavox.losses.reconstruction import region_weight
from visavox.models.generator.spec import RegionSpec
from visavox.training.task import Batch


class PreparedBatch:
    """Batch as the networks take it: frames folded into the batch, images in [0, 1], the region hidden."""

    def __init__(self, batch: Batch, region: RegionSpec, mouth_weight: float) -> None:
        faces = batch["faces"]
        self.num_samples, self.num_frames = faces.shape[:2]
        size = faces.shape[-1]
        self.truth = (faces.flatten(0, 1).float() / 255).contiguous(memory_format=torch.channels_last)
        reference = (batch["reference"].float() / 255).repeat_interleave(self.num_frames, dim=0)
        hidden = region.hide(self.truth)
        self.faces = torch.cat([hidden, reference], dim=1).contiguous(memory_format=torch.channels_last)
        self.features = batch["features"].flatten(0, 1) if "features" in batch else None
        self.motion = batch["motion"].flatten(0, 1)
        rows = torch.arange(size, device=self.truth.device)
        self.region = (rows >= region.top(size)).float()[:, None] * 2
        self.weight = region_weight(batch["mouth"].flatten(0, 1), size, mouth_weight=mouth_weight, border=size // 16)


def side_by_side(columns: list[Tensor]) -> np.ndarray:
    """Put the first image of each column side by side: uint8 RGB (H, W * columns, 3)."""
    images = [column[0].float().clamp(0, 1).permute(1, 2, 0).cpu().numpy() for column in columns]
    return (np.concatenate(images, axis=1) * 255).round().astype(np.uint8)


def sharpness(generated: Tensor, truth: Tensor, weight: Tensor) -> float:
    """Ratio of the finite differences of generated and true images, 1 where they are as sharp as the truth.

    Args:
        generated: (B, 3, H, W) in [0, 1].
        truth: (B, 3, H, W) in [0, 1].
        weight: (B, 1, H, W), where it counts.
    """
    differences = [
        float(((image[..., 1:] - image[..., :-1]).abs() * weight[..., 1:]).mean()) for image in (generated, truth)
    ]
    return differences[0] / max(differences[1], 1e-6)
