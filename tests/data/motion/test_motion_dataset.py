"""Samples for the motion VAE: a pure function of seed and number, padded, mirrored, at other speeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.data.generator.augmentation import MelAugmentation
from visavox.data.motion.motion_dataset import (
    MotionDataset,
    MotionSampling,
    MotionSequence,
    augment_features,
    mirrored,
    resample,
)
from visavox.face.geometry.landmarks import IBUG_68
from visavox.face.geometry.pose import canonical_face

PLAIN = MotionSampling(num_frames=16, speed=0.0, mirrored=0.0, silent=0.0)


def make_dataset(sampling: MotionSampling = PLAIN, frames: tuple[int, int] = (12, 40)) -> MotionDataset:
    """Clips whose features and motion both say the time."""
    sequences = []
    for count in frames:
        features = np.tile(np.arange(2 * count, dtype=np.float32)[:, None], (1, 3))
        motion = np.tile(2 * np.arange(count, dtype=np.float32)[:, None, None] + 0.5, (1, 68, 3))
        sequences.append(MotionSequence(features, motion, "anna"))
    return MotionDataset(sequences, np.array([0.5, 0.5]), np.full(3, -4.0), sampling, seed=1, length=100)


def test_a_sample_is_a_function_of_its_number() -> None:
    one, other = make_dataset(MotionSampling(num_frames=16)), make_dataset(MotionSampling(num_frames=16))
    for index in (0, 7):
        for name, tensor in one[index].items():
            assert torch.equal(tensor, other[index][name])
    assert not torch.equal(one[0]["features"], one[1]["features"])


@pytest.mark.parametrize("speed", [0.0, 0.2])
def test_rows_and_frames_stay_together(speed: float) -> None:
    dataset = make_dataset(MotionSampling(num_frames=16, speed=speed, mirrored=0.0, silent=0.0))
    for index in range(20):
        sample = dataset[index]
        count = int(sample["mask"].sum())
        heard = sample["features"].reshape(16, 2, 3).mean(dim=(1, 2))[:count]
        seen = sample["motion"].mean(dim=1)[:count]
        # Held ends aside, the middle of the two rows of a frame is the frame's own time.
        torch.testing.assert_close(heard[1:-1], seen[1:-1], atol=1e-3, rtol=0)


def test_a_short_clip_is_followed_by_silence_that_does_not_count() -> None:
    samples = [make_dataset()[index] for index in range(20)]
    short = next(sample for sample in samples if sample["mask"].sum() == 12)
    assert torch.all(short["features"][24:] == -4)
    assert any(sample["mask"].sum() == 16 for sample in samples)


def test_silence_is_answered_by_rest() -> None:
    sample = make_dataset(MotionSampling(num_frames=16, silent=1.0))[0]
    assert torch.all(sample["features"] == -4)
    assert torch.all(sample["motion"] == 0)
    assert torch.all(sample["mask"] == 1)


def test_a_mirrored_face_is_a_face() -> None:
    points = canonical_face()[list(IBUG_68)]
    np.testing.assert_allclose(mirrored(points), points, atol=1e-5)  # the canonical face is symmetric
    moved = points.copy()
    moved[48, 0] -= 1  # the right corner of the mouth, outwards
    assert mirrored(moved)[54, 0] == pytest.approx(points[54, 0] + 1, abs=1e-5)
    np.testing.assert_array_equal(mirrored(mirrored(moved)), moved)


def test_reading_at_another_speed() -> None:
    values = np.arange(10, dtype=np.float32)[:, None]
    np.testing.assert_allclose(resample(values, 2, 1.0, 3)[:, 0], [2, 3, 4])
    np.testing.assert_allclose(resample(values, 0, 2.0, 3)[:, 0], [0.5, 2.5, 4.5])
    np.testing.assert_allclose(resample(values[:1], 0, 1.5, 3)[:, 0], [0, 0, 0])


def test_only_columns_that_have_a_level_are_changed() -> None:
    torch.manual_seed(0)
    features = torch.randn(8, 32, 83)
    settings = MelAugmentation(speed=0.0)
    changed = augment_features(features, 81, settings)
    assert not torch.allclose(changed[..., :80], features[..., :80].clamp(-4, 4))
    kept = (changed[..., 81:] == features[..., 81:]).flatten(1).all(dim=1)
    hidden = (changed[..., 81:] == 0).flatten(1).all(dim=1)
    assert torch.all(kept | hidden)
    assert augment_features(features, 0, settings) is features


def test_loudness_is_that_of_the_changed_mel() -> None:
    from visavox.speech import load_features

    sound = (np.random.default_rng(0).normal(size=32_000) * 0.05).astype(np.float32)
    rows = torch.from_numpy(load_features("mel-pitch").of(sound))[None]
    unchanged = MelAugmentation(level=0, tilt=0, speed=0, bands=0, noise=0, masks=0)
    again = augment_features(rows, 81, unchanged)
    torch.testing.assert_close(again[..., 80], rows[..., 80], atol=1e-3, rtol=0)
