"""Samples that the networks are trained on: what lies in them, and that they depend on seed and number alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from visavox.audio.features.mel import MEL_MIN
from visavox.data.generator.augmentation import NO_AUGMENTATION, CropAugmentation, draw_change
from visavox.data.generator.clip_file import STORED_MARGIN, ClipFile, encode_jpeg
from visavox.data.generator.clip_store import ClipStore, StoredClip
from visavox.data.generator.datasets import (
    SILENT_SHARE,
    ExpertDataset,
    ExpertSampling,
    FaceDataset,
    FaceSampling,
    SpeechDataset,
    build_sample,
    draw_frames,
    smoothed,
)
from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.face.geometry.landmarks import LIPS
from visavox.models.generator.spec import AudioSpec

STORED = 160
"""Side of the stored crops; networks see the middle 128 pixels."""


def still(num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Motion of a face that does nothing, and its confidence."""
    return np.zeros((num_frames, 68, 3), np.float32), np.ones(num_frames, np.float32)


def make_clip(number: int, num_frames: int) -> StoredClip:
    """A clip whose pictures and sounds tell which frame they are of: frame t is grey 10 t, mel frame m is m."""
    jpegs = [encode_jpeg(np.full((STORED, STORED, 3), min(10 * t, 255), np.uint8)) for t in range(num_frames)]
    landmarks = np.full((num_frames, 478, 3), STORED / 2, np.float32)
    landmarks[:, LIPS, 0] += np.linspace(-20, 20, len(LIPS), dtype=np.float32)
    landmarks[:, LIPS, 1] += 30
    num_mels = 1 + num_frames * 640 // 200
    mel = np.tile(np.arange(num_mels, dtype=np.float32) + 1000 * number, (80, 1))
    motion = np.arange(num_frames, dtype=np.float32)[:, None] + 100 * number
    rotations = np.tile(np.eye(3, dtype=np.float32), (num_frames, 1, 1))
    spec = CropSpec().with_margin(STORED_MARGIN, STORED)
    clip = ClipFile(jpegs, landmarks, np.zeros(640 * num_frames, np.int16), rotations, spec, *still(num_frames))
    return StoredClip(f"clip_{number}", f"speaker_{number}", clip, mel, motion)


@pytest.fixture(scope="module")
def store() -> ClipStore:
    return store_of(AudioSpec(window=16, lead=3))


def store_of(audio: AudioSpec) -> ClipStore:
    """Two clips with the audio features of a contract."""
    clips = ClipStore([make_clip(0, 20), make_clip(1, 24)])
    clips.apply_audio(audio, "nowhere")  # the mel is never kept
    return clips


SAMPLING = FaceSampling(96, num_frames=5, expert_mel_window=16, expert_mel_lead=2)
EXPERT = ExpertSampling(96, num_frames=5, mel_window=16, mel_lead=2, num_wrong=3)


def pictures(store: ClipStore, augmentation: CropAugmentation = NO_AUGMENTATION, **changes: Any) -> FaceDataset:
    return FaceDataset(store, replace(SAMPLING, **changes), augmentation, seed=0, length=50)


def frame_of(picture: torch.Tensor) -> int:
    """Which frame a grey picture is of."""
    return round(float(picture.float().mean()) / 10)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", ["pictures", "expert", "speech"])
def test_a_sample_depends_on_seed_and_number_alone(store: ClipStore, kind: str) -> None:
    def make(seed: int) -> FaceDataset | ExpertDataset | SpeechDataset:
        if kind == "pictures":
            return FaceDataset(store, SAMPLING, CropAugmentation(), seed=seed, length=9)
        if kind == "expert":
            return ExpertDataset(store, EXPERT, CropAugmentation(), seed=seed, length=9)
        return SpeechDataset(store_of(AudioSpec(window=32, lead=14)), rest=np.zeros(1), seed=seed, length=9)

    forward, backward = make(0), make(0)
    one = [forward[number] for number in range(9)]
    other = [backward[number] for number in reversed(range(9))][::-1]
    assert all(same(a, b) for a, b in zip(one, other, strict=True))
    assert not same(one[3], one[4])
    assert not same(one[3], make(1)[3])
    assert len(forward) == 9


def test_picture_samples_have_the_shapes_that_they_promise(store: ClipStore) -> None:
    sample = pictures(store, CropAugmentation())[0]
    shapes = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in sample.items()}
    assert shapes == {
        "faces": ((5, 3, 96, 96), torch.uint8),
        "reference": ((3, 96, 96), torch.uint8),
        "features": ((5, 80, 16), torch.float32),
        "expert_mel": ((80, 16), torch.float32),
        "motion": ((5, 1), torch.float32),
        "mouth": ((5, 4), torch.float32),
    }


def test_a_generator_without_audio_is_given_none(store: ClipStore) -> None:
    assert "features" not in pictures(store, audio=False)[0]


def test_picture_sound_and_motion_of_a_sample_belong_together(store: ClipStore) -> None:
    data = pictures(store)
    for number in range(50):
        sample = data[number]
        clip = int(sample["motion"][0, 0]) // 100
        frames = [frame_of(face) for face in sample["faces"]]
        assert frames == list(range(frames[0], frames[0] + 5))
        assert sample["motion"][:, 0].tolist() == [100 * clip + frame for frame in frames]
        for frame, mel in zip(frames, sample["features"], strict=True):
            assert_window(mel, clip, int(80 * frame / 25) - 3)
        assert_window(sample["expert_mel"], clip, int(80 * frames[0] / 25) - 2)


def assert_window(mel: torch.Tensor, clip: int, start: int) -> None:
    """The window begins at mel frame `start` of the clip; before the clip there is silence."""
    total = 1 + (20, 24)[clip] * 640 // 200
    expected = [1000 * clip + m if 0 <= m < total else MEL_MIN for m in range(start, start + 16)]
    assert mel[0].tolist() == expected


@pytest.mark.parametrize("num_frames", [1, 5])
def test_the_reference_is_another_picture_of_the_same_clip(store: ClipStore, num_frames: int) -> None:
    data = pictures(store, num_frames=num_frames)
    for number in range(50):
        sample = data[number]
        first, reference = frame_of(sample["faces"][0]), frame_of(sample["reference"])
        assert not first <= reference < first + num_frames


@pytest.mark.parametrize(("total", "num_frames", "least"), [(40, 1, 5), (40, 5, 5), (10, 5, 1), (2, 1, 1)])
def test_references_keep_their_distance_where_the_clip_is_long_enough(total: int, num_frames: int, least: int) -> None:
    rng = np.random.default_rng(0)
    sampling = replace(SAMPLING, num_frames=num_frames)
    for _ in range(300):
        first, reference = draw_frames(total, sampling, rng)
        assert 0 <= first <= total - num_frames
        assert 0 <= reference < total
        assert max(first - reference, reference - (first + num_frames - 1)) >= least


def test_a_clip_without_room_for_a_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="has no reference beside 5 frames"):
        draw_frames(9, SAMPLING, np.random.default_rng(0))


def test_the_mouth_box_is_where_the_lips_are(store: ClipStore) -> None:
    change = draw_change(NO_AUGMENTATION, np.random.default_rng(0))
    sample = build_sample(store.clips[0], 0, 10, change, change, SAMPLING)
    scale = 96 / 128
    center = (96 - 1) / 2 + scale * (STORED / 2 - (STORED - 1) / 2)
    expected = [center - 20 * scale, center + 30 * scale, center + 20 * scale, center + 30 * scale]
    np.testing.assert_allclose(sample["mouth"][0], expected, atol=1e-3)


def test_expert_samples_hold_the_right_sound_first(store: ClipStore) -> None:
    data = ExpertDataset(store, EXPERT, NO_AUGMENTATION, seed=0, length=60)
    sample = data[0]
    assert sample["mouths"].shape == (15, 48, 96)
    assert sample["mel"].shape == (4, 80, 16)
    for number in range(60):
        sample = data[number]
        clip, first = sample["place"].tolist()
        assert [frame_of(mouth) for mouth in sample["mouths"].unflatten(0, (5, 3))] == list(range(first, first + 5))
        assert sample["motion"][:, 0].tolist() == [100 * clip + first + k for k in range(5)]
        assert_window(sample["mel"][0], clip, int(80 * first / 25) - 2)


@pytest.mark.parametrize(("mel_window", "num_wrong"), [(16, 1), (16, 3)])
def test_wrong_sounds_never_overlap_the_right_one(store: ClipStore, mel_window: int, num_wrong: int) -> None:
    sampling = replace(EXPERT, mel_window=mel_window, num_wrong=num_wrong)
    data = ExpertDataset(store, sampling, NO_AUGMENTATION, seed=0, length=300)
    elsewhere = 0
    for number in range(300):
        sample = data[number]
        right = set(sample["mel"][0, 0].tolist()) - {MEL_MIN}
        clip = int(sample["place"][0])
        for position, wrong in enumerate(sample["mel"][1:, 0]):
            heard = set(wrong.tolist()) - {MEL_MIN}
            assert not heard & right
            from_elsewhere = min(heard) // 1000 != clip
            assert not (from_elsewhere and position < num_wrong - 1)
            elsewhere += from_elsewhere
    assert bool(elsewhere) == (num_wrong > 1)


def test_experts_that_hear_longer_need_longer_clips(store: ClipStore) -> None:
    sampling = replace(EXPERT, mel_window=32)
    assert sampling.reach == 10
    with pytest.raises(InputError, match="a clip of 20 frames has no wrong audio for the expert; 24 are needed"):
        ExpertDataset(store, sampling, NO_AUGMENTATION, seed=0, length=1)
    with pytest.raises(InputError, match="0 wrong windows of audio; give 1 or more"):
        replace(EXPERT, num_wrong=0)


def test_mouths_are_the_lower_half_of_the_crop(store: ClipStore) -> None:
    """Cut out directly, or as the half of a whole crop, the same pixels."""
    stored = store.clips[0]
    rng = np.random.default_rng(5)
    noise = [encode_jpeg(rng.integers(0, 255, (STORED, STORED, 3)).astype(np.uint8)) for _ in range(20)]
    noisy = ClipStore([replace(stored, clip=replace(stored.clip, jpegs=noise))])
    sample = ExpertDataset(noisy, EXPERT, NO_AUGMENTATION, seed=0, length=1)[0]
    change = draw_change(NO_AUGMENTATION, np.random.default_rng(0))
    first = int(sample["place"][1])
    whole = build_sample(noisy.clips[0], first, 0, change, change, SAMPLING)["faces"]
    difference = whole[:, :, 48:].flatten(0, 1).float() - sample["mouths"].float()
    assert difference.abs().max() <= 2  # cv2 warps in steps of 1/32 pixel


def test_speech_samples(store: ClipStore) -> None:
    rest = np.array([-7.0])
    data = SpeechDataset(store, rest=rest, seed=0, length=800)
    silent = 0
    for number in range(800):
        sample = data[number]
        if sample["motion"][0] == -7:
            silent += 1
            assert (sample["features"] == MEL_MIN).all()
            continue
        clip, frame = divmod(round(float(sample["motion"][0])), 100)
        assert_window(sample["features"], clip, int(80 * frame / 25) - 3)
    assert silent / 800 == pytest.approx(SILENT_SHARE, abs=0.02)


def test_smoothed_motion() -> None:
    motion = np.array([[0.0], [4.0], [0.0], [0.0]])
    assert smoothed(motion)[:, 0].tolist() == [1.0, 2.0, 1.0, 0.0]
    assert smoothed(np.full((5, 2), 3.0)).tolist() == np.full((5, 2), 3.0).tolist()


def test_speakers_are_drawn_between_evenly_and_by_length() -> None:
    store = ClipStore([make_clip(0, 16), make_clip(0, 16), make_clip(0, 32), make_clip(1, 16)])
    weights = store.sampling_weights()
    assert weights.sum() == pytest.approx(1)
    assert weights[0] == weights[1] == weights[2] / 2
    assert weights[:3].sum() / weights[3] == pytest.approx(2)  # 64 frames against 16: the root of their ratio
