"""Sync loss: the agreement of mouth and audio, as the expert sees it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def cosine_bce(audio: Tensor, face: Tensor, together: Tensor) -> Tensor:
    """Binary cross-entropy of the cosine between embeddings (Wav2Lip, equation 1 and section 3.2).

    Args:
        audio: (B, D), of length one, without negative numbers.
        face: (B, D), the same.
        together: (B,) 1 where both belong together, 0 where they do not.

    Returns:
        the mean over the batch; ln 2 = 0.693 when the expert cannot tell.
    """
    # In float32: near 0 and 1 a half precision cosine has no digits left for its logarithm.
    cosine = (audio.float() * face.float()).sum(dim=1).clamp(1e-6, 1 - 1e-6)
    with torch.autocast(cosine.device.type, enabled=False):
        return F.binary_cross_entropy(cosine, together.float())


def contrastive(audio: Tensor, face: Tensor, temperature: float = 0.1) -> Tensor:
    """Cross-entropy of finding each face's own audio among several (van den Oord et al. 2018, InfoNCE).

    Args:
        audio: (B, N, D), of length one; the own audio first.
        face: (B, D), of length one.
        temperature: what cosines are divided by.

    Returns:
        the mean over the batch; ln N when all recordings fit equally well.
    """
    cosine = (audio.float() * face.float()[:, None]).sum(dim=-1)
    return F.cross_entropy(cosine / temperature, torch.zeros(len(face), dtype=torch.long, device=face.device))


def stack_mouths(images: Tensor) -> Tensor:
    """Lower halves of consecutive faces (B, T, 3, H, W), stacked on channels: (B, 3 T, H/2, W)."""
    batch, frames, channels, height, width = images.shape
    return images[..., height // 2 :, :].reshape(batch, frames * channels, height // 2, width)
