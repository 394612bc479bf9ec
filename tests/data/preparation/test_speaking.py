"""One face a clip where several are seen together."""

import numpy as np
import pytest
from test_lag import speech
from tests.data.hand_made_tracks import EYES, make_track

from visavox.audio.features.mel import mel_spectrogram
from visavox.data.preparation.speaking import one_face_at_a_time
from visavox.data.preparation.stretches import Fault, GridTrack, Stretch
from visavox.face.geometry.landmarks import LIP_LOWER, LIP_UPPER

WAVEFORM, OPENING = speech(8)
MEL = mel_spectrogram(WAVEFORM).numpy()


def person(face_id: int, eyes: float, opening: np.ndarray) -> GridTrack:
    track = make_track(200, eyes=eyes, face_id=face_id)
    for index, side in ((LIP_UPPER, -0.5), (LIP_LOWER, 0.5)):
        track.landmarks[:, index, 1] = track.landmarks[:, 61, 1] + side * opening * eyes
    return GridTrack.of(track, np.arange(200))


LISTENER = 0.01 + 0.01 * np.sin(np.arange(200) * 0.13)


def faces_kept(*wanted: tuple[GridTrack, Stretch], mel: np.ndarray | None = MEL) -> tuple[list[int], list[int]]:
    kept, dropped = one_face_at_a_time(list(wanted), mel, 0.0)
    assert all(one.fault is Fault.OTHER for one in dropped)
    return [grid.track.face_id for grid, _ in kept], [one.face for one in dropped]


def test_the_face_that_speaks_is_kept_though_another_is_larger() -> None:
    speaker, listener = person(0, EYES, OPENING), person(1, 2 * EYES, LISTENER)
    whole = Stretch(0, 200)
    assert faces_kept((speaker, whole), (listener, whole)) == ([0], [1])
    assert faces_kept((listener, whole), (speaker, whole)) == ([0], [1])


@pytest.mark.parametrize("mel", [MEL, None])
def test_where_the_sound_does_not_tell_the_largest_is_kept(mel: np.ndarray | None) -> None:
    small, large = person(0, EYES, OPENING), person(1, 2 * EYES, OPENING)
    assert faces_kept((small, Stretch(0, 200)), (large, Stretch(0, 200)), mel=mel) == ([1], [0])


def test_faces_that_are_not_seen_together_are_all_kept() -> None:
    first, second = person(0, EYES, OPENING), person(1, 2 * EYES, LISTENER)
    assert faces_kept((first, Stretch(0, 100)), (second, Stretch(95, 200))) == ([0, 1], [])
