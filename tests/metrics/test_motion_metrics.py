"""Figures of motion: perfect for the truth itself, and each of them falls for its own fault."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import torch

from visavox.data.motion.motion_store import MotionClip, MotionStore
from visavox.metrics.motion import (
    MotionAgreement,
    apart_agreement,
    compare_motions,
    found_offset,
    landmark_frechet_distance,
    mean_agreement,
)
from visavox.models.sync.motion_syncnet import MotionSyncNet, MotionSyncNetConfig

REST = np.zeros((68, 3), np.float32)
CONFIG = MotionSyncNetConfig(
    feature_size=1, num_rows=2, num_frames=1, mouth_channels=(2, 2), speech_channels=(2, 2), points=(66,)
)


def true_motion() -> np.ndarray:
    rng = np.random.default_rng(0)
    motion = np.zeros((50, 68, 3), np.float32)
    curve = np.convolve(rng.normal(size=54), np.ones(5) / 5, mode="valid") + 1.5
    motion[:, 66, 1] = -curve
    motion[:, 48, 0] = -0.2 * np.sin(np.arange(50))
    return motion


def test_the_truth_agrees_with_itself() -> None:
    figures = compare_motions(true_motion(), true_motion(), REST)
    assert (figures.opening, figures.width, figures.gain, figures.velocity, figures.distance) == pytest.approx(
        (1, 1, 1, 1, 0)
    )


def test_half_the_motion_has_half_the_gain_and_speed() -> None:
    true = true_motion()
    figures = compare_motions((true - true.mean(axis=0)) / 2 + true.mean(axis=0), true, REST)
    assert figures.opening == pytest.approx(1, abs=1e-3)
    assert figures.gain == pytest.approx(0.5, abs=0.02)
    assert figures.velocity == pytest.approx(0.5)
    assert figures.distance > 0.005


def test_a_motion_that_comes_late_agrees_less() -> None:
    true = true_motion()
    assert compare_motions(np.roll(true, 4, axis=0), true, REST).opening < 0.5


def test_what_does_not_move_is_left_out_of_the_mean() -> None:
    still = compare_motions(REST[None] + np.zeros((50, 1, 1), np.float32), true_motion(), REST)
    assert np.isnan(still.opening)
    mean = MotionAgreement.mean([still, compare_motions(true_motion(), true_motion(), REST)])
    assert mean.opening == pytest.approx(1)
    assert mean.gain == pytest.approx(0.5)


def test_it_is_what_the_matrix_root_gives() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(204, 204)) / 14
    one = rng.normal(size=(900, 204)) @ mixing + 0.1
    other = rng.normal(size=(700, 204))
    means, covariances = zip(*((each.mean(axis=0), np.cov(each.T)) for each in (one, other)), strict=True)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = ((means[0] - means[1]) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    found = landmark_frechet_distance(one.reshape(-1, 68, 3), other.reshape(-1, 68, 3))
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_shift_costs_its_square_and_nothing_else() -> None:
    frames = np.random.default_rng(1).normal(size=(400, 68, 3))
    assert landmark_frechet_distance(frames, frames) == pytest.approx(0, abs=1e-6)
    assert landmark_frechet_distance(frames + np.array([0, 0.5, 0]), frames) == pytest.approx(68 * 0.25, rel=1e-6)


def test_a_single_frame_has_no_distance() -> None:
    frames = np.zeros((3, 68, 3))
    assert np.isnan(landmark_frechet_distance(frames[:1], frames))


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
