"""Speech to motion: its length, pauses, chance, the rest of the person, and the post-net on motion of any length."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import wavfile
from tests.models.motion.test_postnet import trained
from tests.models.small_motion_vae import SMALL_VAE

from visavox.audio.silence import find_silence, find_silence_in
from visavox.demo import SPEECH
from visavox.errors import InputError
from visavox.face.geometry.motion import lip_gap, resting_face
from visavox.media import read_audio
from visavox.models.motion.motion_vae import MotionVae
from visavox.motion import speech_to_motion as module
from visavox.motion.speech_to_motion import SpeakerAdapter, SpeechToMotionSettings, rest_shares, speech_to_motion
from visavox.types import Motion
from visavox.weights.checkpoint import save_model
from visavox.weights.registry import model_info
from visavox.weights.weights_file import ModelCard


def opening_mode() -> torch.Tensor:
    mode = torch.zeros(68, 3)
    mode[62, 1], mode[66, 1] = 0.2, -0.8
    return mode


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network that was taught nothing, with a face of its own at rest."""
    torch.manual_seed(1)
    vae = MotionVae(SMALL_VAE)
    vae.opening_mode.copy_(opening_mode().flatten())
    vae.rest.normal_(std=0.1)
    vae.typical.fill_(0.05)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_model(path, vae, ModelCard("a test", "none", "none"))
    return str(path)


@pytest.fixture(scope="module")
def paused(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Speech, a second of silence, and speech."""
    speech = read_audio(SPEECH)[:32_000]
    sound = np.concatenate([speech, np.zeros(16_000, np.float32), speech])
    path = tmp_path_factory.mktemp("sound") / "paused.wav"
    wavfile.write(path, 16_000, sound)
    return str(path)


def test_motion_is_as_long_as_the_sound(model: str) -> None:
    motion = speech_to_motion(SPEECH, SpeechToMotionSettings(model))
    samples = len(read_audio(SPEECH))
    assert motion.num_frames == -(-samples * 25 // 16_000)
    assert motion.displacements.shape == (motion.num_frames, 68, 3)
    assert motion.displacements.dtype == np.float32
    assert motion.rate == Fraction(25)
    assert np.all(motion.confidence == 1)


def test_a_seed_gives_one_motion(model: str) -> None:
    one, same = (speech_to_motion(SPEECH, SpeechToMotionSettings(model, seed=3)) for _ in range(2))
    other = speech_to_motion(SPEECH, SpeechToMotionSettings(model, seed=4))
    np.testing.assert_array_equal(one.displacements, same.displacements)
    assert not np.allclose(one.displacements, other.displacements)
    still, another = (
        speech_to_motion(SPEECH, SpeechToMotionSettings(model, seed=seed, temperature=0)).displacements
        for seed in (3, 4)
    )
    np.testing.assert_array_equal(another, still)


def test_the_face_is_at_rest_in_a_pause(model: str, paused: str) -> None:
    motion = speech_to_motion(paused, SpeechToMotionSettings(model))
    silences = find_silence(read_audio(paused))
    (start, end) = next((start, end) for start, end in silences if start < 2.5 < end)
    inside = motion.displacements[int(25 * (start + 0.2)) : int(25 * (end - 0.2))]
    assert len(inside) > 5
    assert np.ptp(inside, axis=0).max() == 0
    assert motion.displacements.std(axis=0).max() > 0.01


def test_a_person_lends_face_and_size(model: str, paused: str) -> None:
    rng = np.random.default_rng(0)
    identity = rng.normal(size=(68, 3)).astype(np.float32) * 0.2
    opened = rng.uniform(0, 2.5, 50)[:, None, None] * opening_mode().numpy()
    seen = (identity + opened).astype(np.float32)
    person = Motion(seen, np.ones(50, np.float32), seen.mean(axis=0))
    plain, own = (
        speech_to_motion(paused, SpeechToMotionSettings(model)),
        speech_to_motion(paused, SpeechToMotionSettings(model), person=person),
    )
    rest = resting_face(seen, opening_mode().numpy())
    pause = 25 * 2 + 12
    np.testing.assert_allclose(own.displacements[pause], rest, atol=1e-5)
    assert float(lip_gap(own.displacements[pause])) == pytest.approx(0, abs=1e-5)
    ratio = own.displacements.std(axis=0).mean() / plain.displacements.std(axis=0).mean()
    assert ratio == pytest.approx(min(float(lip_gap(seen).std()), 1.6), rel=1e-3)
    np.testing.assert_array_equal(own.neutral, person.neutral)


def test_an_adaptation_has_the_last_word(model: str) -> None:
    motion = speech_to_motion(
        SPEECH, SpeechToMotionSettings(model), adaptation=lambda displacements: displacements * 0 + 0.5
    )
    assert np.all(motion.displacements == np.float32(0.5))
    assert np.all(motion.neutral == np.float32(0.5))


def test_an_adaptation_gets_the_typical_face_and_brings_the_persons_own(model: str) -> None:
    seen = np.full((30, 68, 3), 0.7, np.float32)
    person = Motion(seen, np.ones(30, np.float32), seen[0])
    plain, own = (
        speech_to_motion(SPEECH, SpeechToMotionSettings(model), person=each, adaptation=lambda moved: moved + 1)
        for each in (None, person)
    )
    np.testing.assert_array_equal(own.displacements, plain.displacements)


def test_no_openness_no_motion(model: str) -> None:
    motion = speech_to_motion(SPEECH, SpeechToMotionSettings(model, openness=0.0))
    assert np.ptp(motion.displacements, axis=0).max() == 0


@pytest.mark.parametrize("options", [{"temperature": -0.1}, {"temperature": 3}, {"openness": -1}, {"seed": -1}])
def test_what_means_nothing_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="give"):
        SpeechToMotionSettings(**options)


def test_other_weights_are_refused() -> None:
    with pytest.raises(InputError, match="motion VAE"):
        speech_to_motion(SPEECH, SpeechToMotionSettings("wav2lip"))


def test_silence_is_found_in_pieces_as_in_the_whole(paused: str) -> None:
    sound = read_audio(paused)
    found, num_samples = find_silence_in(sound[start : start + 7001] for start in range(0, len(sound), 7001))
    assert num_samples == len(sound)
    assert found == find_silence(sound)
    assert find_silence_in(iter(())) == ([], 0)


def test_shares_of_rest_have_ramps_inside_the_pause_only() -> None:
    shares = rest_shares([(0.0, 1.0), (2.0, 3.0)], 75, 48_000)
    assert np.all(shares[:20] == 1)  # nothing comes before it
    assert np.all(shares[26:49] == 0)
    assert 0 < shares[24] < 1
    assert 0 < shares[50] < 1
    assert np.all(shares[54:] == 1)  # nothing comes after it


def test_the_shipped_network_speaks() -> None:
    motion = speech_to_motion(SPEECH, SpeechToMotionSettings(temperature=0.0))
    gap = lip_gap(motion.displacements)
    assert gap.min() > -1e-3  # lips never cross: a hundredth of a millimetre is what half precision leaves
    assert (gap < 0.1).mean() > 0.05  # and shut now and then
    assert 0.2 < gap.std() < 0.8
    assert 0.8 < gap.max() < 3.0


def test_the_shipped_network_is_small() -> None:
    info = model_info("motion")
    assert info.num_bytes <= 12e6
    assert info.config["features"] == "mel"


def test_pieces_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    motion = np.random.default_rng(0).normal(size=(57, 68, 3)).astype(np.float32)
    postnet = trained()
    with torch.no_grad():
        whole = postnet(torch.from_numpy(motion)[None])[0].numpy()
    monkeypatch.setattr(module, "ADAPTED_FRAMES", 10)
    np.testing.assert_allclose(SpeakerAdapter(postnet)(motion), whole, atol=1e-4)
    assert SpeakerAdapter(postnet)(motion[:0]).shape == (0, 68, 3)
