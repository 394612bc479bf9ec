"""Drives: rest in pauses, audio features of other sets than the mel, and motion between its frames."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.dubbing.tiny import ATTN_CONFIG, CONFIG
from tests.narrow import present

import visavox
from visavox.demo import FACE, SPEECH
from visavox.dubbing.backends.torch import TorchBackend
from visavox.dubbing.drives import FaceMoment, MouthMotionDrive, pause_audio, rest_shares
from visavox.face.track.track_file import save_track
from visavox.models.generator.generator import GeneratorConfig
from visavox.models.generator.spec import AudioSpec
from visavox.speech import load_features
from visavox.types import Track
from visavox.weights.networks import build_generator

CENTER, WINDOW = 30, 64


def window(sounding: list[int] | range) -> np.ndarray:
    mel = np.full((1, 80, WINDOW), -4.0, np.float32)
    mel[:, 10, list(sounding)] = 1.0
    return mel


@pytest.mark.parametrize(
    ("sounding", "share"),
    [
        (range(WINDOW), 0.0),
        ([], 1.0),
        ([CENTER], 0.0),
        ([0], 1.0),  # the sound ended 0.36 s ago
        ([CENTER - 5], 4 / 80 / 0.12 + 1 / 80 / 0.12),  # five silent frames since, on the way to rest
        ([CENTER + 8], 7 / 80 / 0.14),  # seven silent frames to come: the lips are leaving rest
        ([CENTER - 10, CENTER + 10], 0.0),  # 0.24 s: the closure of a plosive, not a pause
    ],
)
def test_lips_rest_in_pauses_only(sounding: list[int] | range, share: float) -> None:
    assert rest_shares(window(sounding), CENTER)[0] == pytest.approx(share, abs=1e-6)


def test_each_window_of_a_batch_is_judged_alone() -> None:
    windows = np.concatenate([window([]), window(range(WINDOW)), window([CENTER + 8])])
    alone = [rest_shares(one[None], CENTER)[0] for one in windows]
    assert rest_shares(windows, CENTER).tolist() == alone


PITCH = AudioSpec("mel-pitch", load_features("mel-pitch").size, 50, window=20, lead=9)


def with_pitch(config: GeneratorConfig) -> GeneratorConfig:
    return replace(config, spec=replace(config.spec, audio=PITCH))


@pytest.mark.parametrize("config", [CONFIG, ATTN_CONFIG], ids=["audio encoder", "speech branch"])
def test_other_audio_features_drive_a_generator(config: GeneratorConfig, track: Track, tmp_path: Path) -> None:
    torch.manual_seed(4)
    generator, found = build_generator(with_pitch(config)).eval(), tmp_path / "track.npz"
    save_track(track, found)
    result = visavox.dub(FACE, SPEECH, tmp_path / "a.mkv", model=generator, track=found, extend="stop")
    assert result.num_repainted > 50


def test_pauses_are_seen_in_the_mel_whatever_drives_the_mouth() -> None:
    assert pause_audio(PITCH) == AudioSpec(window=32, lead=14)
    torch.manual_seed(4)
    backend = TorchBackend(build_generator(with_pitch(ATTN_CONFIG)).eval(), "cpu")
    rows = np.random.default_rng(0).uniform(-60, 60, (PITCH.size, 100)).astype(np.float32)
    given = []
    for level in (0.0, -4.0):  # sound, and silence
        drive = MouthMotionDrive(backend)
        drive.push(rows)
        drive.push_pauses(np.full((80, 160), level, np.float32))
        drive.end()
        given.append(drive.conditions([FaceMoment(0, Fraction(1))]))
    resting = backend.condition_motion(present(backend.mouth).rest[None])
    assert np.array_equal(given[1], resting)
    assert not np.array_equal(given[0], resting)


def test_rows_that_arrive_late_and_rows_that_are_forgotten_change_nothing() -> None:
    torch.manual_seed(4)
    backend = TorchBackend(build_generator(ATTN_CONFIG).eval(), "cpu")
    rows = np.random.default_rng(0).uniform(-3, 3, (80, 1600)).astype(np.float32)
    whole, parts = MouthMotionDrive(backend), MouthMotionDrive(backend)
    whole.push(rows)
    whole.end()
    for index in range(450):
        time = Fraction(index, 25)
        parts.push(rows[:, 4 * index : 4 * index + 4])
        moment = [FaceMoment(0, time - 1)]
        assert parts.is_ready(time - 1)
        if index < 370:
            assert np.array_equal(whole.conditions(moment), parts.conditions(moment))
        parts.forget(time - 1)
    assert not parts.is_ready(Fraction(30))
    with pytest.raises(RuntimeError, match="audio came after its end"):
        whole.push(rows)
