"""Agreement and offset of motion and speech, with a judge that knows the answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from visavox.data.motion.motion_store import MotionClip, MotionStore
from visavox.metrics.motion import apart_agreement, found_offset, mean_agreement
from visavox.models.sync.motion_syncnet import MotionSyncNet, MotionSyncNetConfig

CONFIG = MotionSyncNetConfig(
    feature_size=1, num_rows=2, num_frames=1, mouth_channels=(2, 2), speech_channels=(2, 2), points=(66,)
)


class Listener(MotionSyncNet):
    """Embeds a number in [0, 1] as an angle: equal numbers have the cosine 1."""

    def forward(self, speech: torch.Tensor, mouths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        angles = (value * np.pi / 2 for value in (speech[:, 0, 0], mouths[:, 0, 0]))
        said, shown = (torch.stack([angle.cos(), angle.sin()], dim=1) for angle in angles)
        return said, shown


def make_clip(seed: int, late: int = 0) -> MotionClip:
    """A clip whose speech comes `late` frames after the mouth."""
    said = np.random.default_rng(seed).uniform(size=60).astype(np.float32)
    displacements = np.zeros((60, 68, 3), np.float32)
    displacements[:, 66, 0] = said
    displacements -= displacements.mean(axis=0)  # counted from the mean, shut: this mouth does not open
    features = np.repeat(np.roll(said, late) - said.mean(), 2)[:, None]
    clip = MotionClip(f"c{seed}", "a", displacements, np.ones(60, np.float32), features, displacements[0] * 0)
    return clip


@pytest.mark.parametrize("late", [0, 3, -7])
def test_the_offset_is_found(late: int) -> None:
    store = MotionStore([make_clip(seed, late) for seed in range(2)], "mel")
    assert found_offset(Listener(CONFIG), store, reach=15) == late


def test_true_pairs_agree_more_than_those_of_different_clips() -> None:
    judge = Listener(CONFIG)
    pairs = [(clip.features, clip.displacements) for clip in map(make_clip, range(3))]
    assert mean_agreement(judge, pairs) == pytest.approx(1.0, abs=1e-5)
    assert apart_agreement(judge, pairs) < 0.97


def test_short_clips_have_an_offset_too() -> None:
    clip = make_clip(0)
    short = replace(clip, displacements=clip.displacements[:12], features=clip.features[:24])
    assert abs(found_offset(Listener(CONFIG), MotionStore([short], "mel"), reach=15)) <= 4
