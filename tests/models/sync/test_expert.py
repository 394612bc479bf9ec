"""Experts of every size: what they give, and what they refuse."""

from __future__ import annotations

import pytest
import torch

from visavox.models.sync.expert import Expert, ExpertConfig


@pytest.mark.parametrize("resolution", [96, 128])
@pytest.mark.parametrize("mel_window", [16, 32, 64])
def test_experts_embed_audio_and_mouths(resolution: int, mel_window: int) -> None:
    settings = ExpertConfig(
        resolution, 5, mel_window, face_channels=(2,) * 6, audio_channels=(2,) * 5, face_residuals=(1, 0, 0, 0)
    )
    expert = Expert(settings)
    audio, face = expert(torch.rand(3, 1, 80, mel_window), torch.rand(3, 15, resolution // 2, resolution))
    assert audio.shape == face.shape == (3, 2)
    for embedding in (audio, face):
        lengths = embedding.norm(dim=1)
        assert (((lengths - 1).abs() < 1e-5) | (lengths == 0)).all()
        assert embedding.min() >= 0
    (audio * face).sum().backward()
    assert all(parameter.grad is not None for parameter in expert.parameters())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (ExpertConfig(resolution=192), "a resolution of 192; allowed are 96 and 128"),
        (ExpertConfig(face_channels=(2,) * 6), "the same number of channels"),
        (ExpertConfig(mel_window=20), "a mel window of 20 frames; allowed are [16, 32, 64]"),
    ],
)
def test_dimensions_that_do_not_fit_are_refused(settings: ExpertConfig, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        Expert(settings)
    assert sentence in str(caught.value)
