"""Making more sounds out of few, on rows of speech features: what their mel columns say is changed as a mel is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from visavox.audio.features.mel import MEL_MAX, MEL_MIN
from visavox.constants import NUM_MEL_BANDS
from visavox.data.generator.mel_augmentation import DECIBELS_PER_UNIT, MelAugmentation, augment_mels

_LOWEST_BAND = 4
"""Bands below hold hum, which is no loudness of speech: as `visavox.audio.features.mel_pitch` has it."""
_HIDDEN = 0.2
"""Share of samples that lose their pitch: a voice must be understood without it."""


def augment_features(features: Tensor, level_columns: int, settings: MelAugmentation) -> Tensor:
    """Change stretches of speech features.

    Args:
        features: (B, K, C) rows.
        level_columns: how many of the first columns rise with the level (`SpeechFeatures.level_columns`): 80 for a
            mel, 81 for a mel and its loudness; with less, nothing is changed, for the features of a network cannot be.
        settings: how far; chance comes from the device's own generator.

    Returns:
        (B, K, C), a new tensor where something is changed.
    """
    if level_columns < NUM_MEL_BANDS:
        return features
    mel = augment_mels(features[..., :NUM_MEL_BANDS].transpose(1, 2), settings).transpose(1, 2)
    parts = [mel]
    if level_columns > NUM_MEL_BANDS:
        parts.append(_loudness(mel))
    others = features[..., level_columns:]
    if others.shape[-1]:
        kept = torch.rand(len(features), 1, 1, device=features.device) >= _HIDDEN
        parts.append(others * kept)
    return torch.cat(parts, dim=-1)


def _loudness(mel: Tensor) -> Tensor:
    """Mean power of the bands of mels (B, K, 80), on their scale: (B, K, 1)."""
    to_nepers = DECIBELS_PER_UNIT / 10 * math.log(10)
    bands = (mel[..., _LOWEST_BAND:] - MEL_MIN) * to_nepers
    power = torch.logsumexp(bands, dim=-1, keepdim=True) - math.log(bands.shape[-1])
    return (MEL_MIN + power / to_nepers).clamp(MEL_MIN, MEL_MAX)
