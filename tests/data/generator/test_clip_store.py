"""Prepared clips: their file, and a data set of them in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from visavox.audio.features.mel import mel_window, window_start
from visavox.data.generator.clip_file import ClipFile, decode_jpeg, encode_jpeg, load_clip, save_clip
from visavox.data.generator.clip_store import load_store, read_manifest
from visavox.data.generator.feature_cache import clip_features
from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.models.generator.spec import AudioSpec
from visavox.speech import load_features


def make_clip(num_frames: int = 16, level: int = 8000) -> ClipFile:
    rng = np.random.default_rng(num_frames)
    crops = np.kron(rng.integers(0, 255, (num_frames, 4, 4, 3)), np.ones((1, 16, 16, 1))).astype(np.uint8)
    return ClipFile(
        [encode_jpeg(crop) for crop in crops],
        rng.normal(size=(num_frames, 478, 3)).astype(np.float32),
        (level * np.sin(np.arange(640 * num_frames) / 9)).astype(np.int16),
        np.tile(np.eye(3, dtype=np.float32), (num_frames, 1, 1)),
        CropSpec(size=64, side=2.25, center_down=0.5),
        rng.normal(size=(num_frames, 68, 3)).astype(np.float32),
        rng.uniform(size=num_frames).astype(np.float32),
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    entries = [("a_0", "anna", "train", 16), ("b_0", "ben", "validation", 20), ("b_1", "ben", "validation", 8)]
    for clip_id, _, _, num_frames in entries:
        save_clip(make_clip(num_frames), tmp_path / "clips" / f"{clip_id}.npz")
    lines = [{"clip_id": one[0], "speaker": one[1], "split": one[2]} for one in entries]
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def test_a_clip_is_saved_and_loaded_whole(tmp_path: Path) -> None:
    clip = make_clip()
    save_clip(clip, tmp_path / "deep" / "clip.npz")
    loaded = load_clip(tmp_path / "deep" / "clip.npz")
    assert loaded.num_frames == 16
    assert all(np.array_equal(one, other) for one, other in zip(loaded.jpegs, clip.jpegs, strict=True))
    for name in ("landmarks", "audio", "rotations", "displacements", "confidence"):
        assert np.array_equal(getattr(loaded, name), getattr(clip, name))
    assert loaded.spec == clip.spec
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["clip.npz"]


def test_a_clip_of_an_earlier_version_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    save_clip(make_clip(), path)
    with np.load(path) as arrays:
        np.savez(path, **{name: arrays[name] for name in arrays if name not in ("displacements", "confidence")})
    with pytest.raises(InputError, match="holds no motion; prepare the data set again"):
        load_clip(path)


def test_a_picture_keeps_its_colours() -> None:
    crop = np.zeros((32, 32, 3), np.uint8)
    crop[...] = (200, 90, 30)
    assert np.abs(decode_jpeg(encode_jpeg(crop)).astype(int) - crop).max() <= 3


@pytest.mark.parametrize("damage", ["missing", "text", "cut off", "another archive"])
def test_files_that_are_no_clip(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "clip.npz"
    if damage == "text":
        path.write_text("not a clip")
    elif damage == "cut off":
        save_clip(make_clip(), path)
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "another archive":
        np.savez(path, numbers=np.zeros(3))
    with pytest.raises(InputError, match=r"clip\.npz is not a prepared clip .*prepare the dataset again"):
        load_clip(path)


def test_a_damaged_picture_is_said_to_be_one() -> None:
    with pytest.raises(InputError, match="cannot be decoded; prepare the data set again"):
        decode_jpeg(np.frombuffer(b"not a picture", np.uint8))


def test_a_store_holds_one_split_without_clips_that_are_too_short(dataset: Path) -> None:
    train, validation = load_store(dataset, "train"), load_store(dataset, "validation")
    assert [stored.clip_id for stored in train.clips] == ["a_0"]
    assert [stored.clip_id for stored in validation.clips] == ["b_0"]
    stored = train.clips[0]
    assert stored.mel.shape == (80, 1 + 16 * 640 // 200)
    assert stored.mel.dtype == np.float32
    assert stored.speaker == "anna"


def test_silence_is_heard_as_dubbing_hears_it(dataset: Path) -> None:
    """The sound of a pause is digital silence for the networks, here as there."""
    clip = make_clip(50)
    quiet = clip.audio.copy()
    quiet[8000:24000] = np.random.default_rng(0).normal(scale=3, size=16000)
    save_clip(replace(clip, audio=quiet), dataset / "clips" / "a_0.npz")
    mel = load_store(dataset, "train").clips[0].mel
    assert (mel[:, 60:100] == -4).all()
    assert mel[:, 20].max() > 0


def test_manifests_that_cannot_be_read(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not a prepared data set: it has no manifest\.jsonl"):
        read_manifest(tmp_path / "nowhere")
    with (dataset / "manifest.jsonl").open("a") as file:
        file.write('{"clip_id": "c_0"}\n')
    with pytest.raises(InputError, match=r"line 4 of .* cannot be read \('speaker'\)"):
        read_manifest(dataset)
    (dataset / "manifest.jsonl").write_text('["a list"]\n')
    with pytest.raises(InputError, match="line 1 of"):
        read_manifest(dataset)


def test_a_split_without_clips(dataset: Path) -> None:
    with pytest.raises(InputError, match="no clip of 30 frames or more in its train split"):
        load_store(dataset, "train", minimum_frames=30)


def test_a_generator_is_driven_by_windows_of_the_mel(dataset: Path) -> None:
    store = load_store(dataset, "train")
    store.apply_audio(AudioSpec(window=16, lead=3), dataset)
    stored = store.clips[0]
    for frame in (0, 7, 15):
        expected = mel_window(stored.mel, window_start(Fraction(frame, 25), 3), 16)
        assert np.array_equal(stored.window(frame), expected)


def test_a_generator_is_driven_by_windows_of_other_features(dataset: Path) -> None:
    store = load_store(dataset, "train")
    audio = AudioSpec("mel-pitch", 83, 50, window=20, lead=8)
    store.apply_audio(audio, dataset)
    stored = store.clips[0]
    features = load_features("mel-pitch")
    rows = clip_features(features, stored.clip.audio).astype(np.float16)  # as they are kept
    silence = features.of(np.zeros(32000, np.float32))[50]
    for frame in (0, 5, 15):
        first = 2 * frame - 8
        expected = [rows[row] if 0 <= row < len(rows) else silence for row in range(first, first + 20)]
        window = stored.window(frame)
        assert window.shape == (83, 20)
        assert window.dtype == np.float32
        np.testing.assert_array_equal(window, np.array(expected, np.float32).T)


def test_features_of_another_size_than_the_contract_says_are_refused(dataset: Path) -> None:
    store = load_store(dataset, "train")
    with pytest.raises(ValueError, match="mel-pitch have 83 numbers a row and 50 rows a second, and the contract says"):
        store.apply_audio(AudioSpec("mel-pitch", 81, 50), dataset)
