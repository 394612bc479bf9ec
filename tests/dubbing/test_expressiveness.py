"""How widely a mouth moves: as the person's own does in the video, or as is asked for."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.narrow import present

from visavox.audio.features.mel import MEL_MIN
from visavox.demo import FACE, SPEECH
from visavox.dubbing import Dubber, DubSettings
from visavox.dubbing.backends.torch import TorchBackend
from visavox.dubbing.drives import FaceMoment, MouthMotionDrive, predicted_openings
from visavox.dubbing.expressiveness import own_expressiveness
from visavox.dubbing.predictor import LipSyncPredictor
from visavox.dubbing.speech import read_speech
from visavox.errors import InputError
from visavox.models.generator.motion_basis import frontal_mouths, lip_opening
from visavox.types import Track


@pytest.fixture(scope="module")
def shipped() -> TorchBackend:
    return TorchBackend("wav2lip", "cpu")


@pytest.fixture(scope="module")
def openings(track: Track) -> np.ndarray:
    """How far the lips of the person in the bundled clip open."""
    return lip_opening(frontal_mouths(track.landmarks))


def test_a_person_who_moves_as_predicted_is_left_alone(track: Track, openings: np.ndarray) -> None:
    assert own_expressiveness(track, openings) == pytest.approx(1.0)


@pytest.mark.parametrize(("share", "factor"), [(0.8, 0.8**-0.5), (1.5, 1.5**-0.5), (0.34, 1.4), (3.0, 0.75)])
def test_halfway_from_the_typical_to_the_own_within_bounds(
    track: Track, openings: np.ndarray, share: float, factor: float
) -> None:
    heard = openings.mean() + share * (openings - openings.mean())
    assert own_expressiveness(track, heard) == pytest.approx(factor, rel=1e-3)


def test_who_only_listens_in_the_video_speaks_as_predicted(track: Track, openings: np.ndarray) -> None:
    assert own_expressiveness(track, 4 * openings) == 1.0


def test_a_picture_and_a_word_tell_nothing(track: Track, openings: np.ndarray) -> None:
    picture = replace(track, status=np.where(np.arange(track.num_frames) == 3, track.status, 0).astype(np.uint8))
    assert own_expressiveness(picture, openings) == 1.0
    assert own_expressiveness(track, openings[:10]) == 1.0
    assert own_expressiveness(track, np.empty(0, np.float32)) == 1.0


def openings_of(backend: TorchBackend, mel: np.ndarray) -> np.ndarray:
    drive = MouthMotionDrive(backend)
    drive.push(mel)
    drive.end()
    return predicted_openings(drive, mel)


def test_predicted_openings_are_those_of_mouths(shipped: TorchBackend) -> None:
    """In the units of the landmarks: closed is 0, and speech opens lips by tenths of the distance of the eyes."""
    heard = openings_of(shipped, read_speech(SPEECH).mel)
    assert heard.min() >= 0
    assert 0.02 < heard.std() < 0.1
    assert 0.1 < heard.max() < 0.5


def test_silence_opens_nothing(shipped: TorchBackend) -> None:
    assert len(openings_of(shipped, np.full((80, 200), MEL_MIN, np.float32))) == 0


def test_a_network_that_paints_what_it_hears_cannot_say_how_lips_open(predictor: LipSyncPredictor) -> None:
    assert not predictor.knows_motion
    with pytest.raises(ValueError, match="predicts no mouth motion"):
        predictor.backend.predict_motion(np.zeros((1, 80, 16), np.float32))


def test_expressiveness_moves_the_painted_mouth_more_or_less_widely(shipped: TorchBackend) -> None:
    """An image rendered with 0 is one of a mouth at rest, and with 1 that of no factor at all."""
    rng = np.random.default_rng(0)
    size, audio = shipped.spec.crop.size, present(shipped.spec.audio)
    mel = rng.uniform(-1, 1, (80, audio.window)).astype(np.float32)
    faces = rng.integers(0, 255, (1, 1, size, size, 3), np.uint8)
    silence = np.full_like(mel, MEL_MIN)
    time = Fraction(audio.lead, 80)  # the window begins with the first frame of the mel

    def painted(sound: np.ndarray, factor: float | None) -> np.ndarray:
        drive = MouthMotionDrive(shipped, {} if factor is None else {0: factor})
        drive.push(sound)
        drive.end()
        return LipSyncPredictor(shipped).render(drive.conditions([FaceMoment(0, time)]), faces, faces)

    assert np.allclose(painted(mel, 1.0), painted(mel, None), atol=1e-6)
    assert np.allclose(painted(mel, 0.0), painted(silence, None), atol=1e-6)
    changes = [np.abs(painted(mel, factor) - painted(silence, None)).mean() for factor in (0.3, 1.0)]
    assert 0 < changes[0] < changes[1]


@pytest.mark.parametrize("wanted", [-0.1, 2.1, float("nan")])
def test_values_that_mean_nothing_are_refused(wanted: float) -> None:
    with pytest.raises(InputError, match="give 0 to 2"):
        DubSettings(expressiveness=wanted)


def test_a_model_without_a_speech_branch_is_no_reason_to_begin(weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with pytest.raises(InputError, match="predicts no mouth motion"):
        Dubber(weights).dub(FACE, SPEECH, output, settings=DubSettings(expressiveness=0.5))
    assert not list(tmp_path.iterdir())
