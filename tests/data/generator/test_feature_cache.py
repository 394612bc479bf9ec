"""Speech features kept beside the clips of a data set."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from visavox.audio.features.mel import MEL_MIN
from visavox.audio.features.mel_pitch import MelFeatures
from visavox.data.generator.clip_file import ClipFile
from visavox.data.generator.clip_store import StoredClip
from visavox.data.generator.feature_cache import FeatureCache, clip_features, fit_rows
from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.speech import load_features


class CountingFeatures(MelFeatures):
    """Counts how often it computes."""

    def __init__(self) -> None:
        self.computed = 0

    def of(self, audio: np.ndarray) -> np.ndarray:
        self.computed += 1
        return super().of(audio)


def make_clip(clip_id: str = "a_0", num_frames: int = 50, seed: int = 0) -> StoredClip:
    rng = np.random.default_rng(seed)
    audio = rng.normal(0, 4000, 640 * num_frames)
    audio[10000:20000] *= 0.001  # a pause of 0.6 s with a little noise
    clip = ClipFile(
        [np.zeros(1, np.uint8)] * num_frames,
        np.zeros((num_frames, 478, 3), np.float32),
        audio.clip(-32768, 32767).astype(np.int16),
        np.tile(np.eye(3, dtype=np.float32), (num_frames, 1, 1)),
        CropSpec(size=64, side=2.25, center_down=0.5),
        np.zeros((num_frames, 68, 3), np.float32),
        np.ones(num_frames, np.float32),
    )
    return StoredClip(clip_id, "anna", clip, np.zeros((80, 0), np.float32), np.zeros((num_frames, 0), np.float32))


def test_features_are_computed_once_and_read_again(tmp_path: Path) -> None:
    stored, features = make_clip(), CountingFeatures()
    first = FeatureCache(tmp_path, features).of(stored)
    again = FeatureCache(tmp_path, features).of(stored)
    assert features.computed == 1
    assert np.array_equal(first, again)
    assert (first.shape, first.dtype) == ((100, 80), np.dtype(np.float32))
    np.testing.assert_allclose(first, clip_features(MelFeatures(), stored.clip.audio), atol=0.003)
    assert [path.name for path in (tmp_path / "features").rglob("*.npz")] == ["a_0.npz"]
    assert not list((tmp_path / "features").rglob(".*"))


def test_a_pause_is_digital_silence(tmp_path: Path) -> None:
    rows = FeatureCache(tmp_path, MelFeatures()).of(make_clip())
    assert (rows[37:57] == MEL_MIN).all()
    assert rows[:25].mean() > 0


def test_another_sound_and_other_features_are_computed_anew(tmp_path: Path) -> None:
    features = CountingFeatures()
    cache = FeatureCache(tmp_path, features)
    cache.of(make_clip())
    other = cache.of(make_clip(seed=1))
    assert features.computed == 2
    np.testing.assert_allclose(other, clip_features(MelFeatures(), make_clip(seed=1).clip.audio), atol=0.003)
    assert FeatureCache(tmp_path, load_features("mel-pitch")).of(make_clip()).shape == (100, 83)
    assert len(list((tmp_path / "features").iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"not an archive"])
def test_a_damaged_file_is_computed_anew(tmp_path: Path, damage: bytes) -> None:
    features = CountingFeatures()
    cache = FeatureCache(tmp_path, features)
    whole = cache.of(make_clip())
    (cache.folder / "a_0.npz").write_bytes(damage)
    for name, age in ((".b_0.npz.1.part", 7200), (".c_0.npz.2.part", 0)):
        (cache.folder / name).write_bytes(b"not whole yet")
        os.utime(cache.folder / name, (time.time() - age,) * 2)
    assert np.array_equal(FeatureCache(tmp_path, features).of(make_clip()), whole)
    assert features.computed == 2
    assert {path.name for path in cache.folder.iterdir()} == {"a_0.npz", ".c_0.npz.2.part"}  # another run's, at work


def test_many_clips(tmp_path: Path) -> None:
    clips = [make_clip("a_0"), make_clip("b_0", 20, 1)]
    assert [len(rows) for rows in FeatureCache(tmp_path, MelFeatures()).fill(clips)] == [100, 40]


def test_rows_are_two_for_each_frame() -> None:
    rows = np.arange(6.0)[:, None]
    assert fit_rows(rows, 2)[:, 0].tolist() == [0, 1, 2, 3]
    assert fit_rows(rows, 4)[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 5, 5]


def test_a_data_set_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "features").write_text("in the way")
    with pytest.raises(InputError, match="features.* cannot be made"):
        FeatureCache(tmp_path, MelFeatures())
