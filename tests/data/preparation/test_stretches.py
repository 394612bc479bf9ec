"""Where clips are cut out: at cuts, round faults, and no longer than allowed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.data.hand_made_tracks import EYES, lose, make_track
from tests.data.preparation.test_lag import speech

from visavox.audio.features.mel import mel_spectrogram
from visavox.data.preparation.settings import QualitySettings
from visavox.data.preparation.stretches import (
    Fault,
    GridTrack,
    Stretch,
    divide,
    faceless_stretches,
    find_stretches,
    frame_faults,
    one_face_at_a_time,
)
from visavox.face.geometry.landmarks import LIP_LOWER, LIP_UPPER
from visavox.types import FrameStatus, Track

LIMITS = QualitySettings()


def stretches(
    track: Track,
    sound: tuple[int, int] = (0, 10_000),
    holes: list[int] | tuple[Any, ...] = (),
    limits: QualitySettings = LIMITS,
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, Fault]]]:
    grid = GridTrack.of(track, np.arange(track.num_frames))
    is_hole = np.zeros(track.num_frames, bool)
    is_hole[list(holes)] = True
    faults = frame_faults(grid, is_hole, sound, limits)
    kept, dropped = find_stretches(grid, faults, limits)
    return [(one.start, one.stop, one.shot) for one in kept], [(one.start, one.stop, one.fault) for one in dropped]


def test_a_good_face_is_one_stretch() -> None:
    assert stretches(make_track(75)) == ([(0, 75, 0)], [])


def test_a_cut_divides() -> None:
    track = make_track(75)
    track.shots[40:] = 1
    assert stretches(track) == ([(0, 40, 0), (40, 75, 1)], [])


def test_a_cut_near_the_end_leaves_a_piece_that_is_too_short() -> None:
    track = make_track(75)
    track.shots[60:] = 1
    assert stretches(track) == ([(0, 60, 0)], [(60, 75, Fault.TOO_SHORT)])


def test_faults_are_cut_out_and_named() -> None:
    track = lose(make_track(200), 50, 60, FrameStatus.TURNED_AWAY)
    track.landmarks[110:120, :, 1] += 200
    assert stretches(track, sound=(5, 190), holes=[150]) == (
        [(5, 50, 0), (60, 110, 0), (120, 150, 0), (151, 190, 0)],
        [
            (0, 5, Fault.NO_AUDIO),
            (50, 60, Fault.TURNED_AWAY),
            (110, 120, Fault.OUTSIDE),
            (150, 151, Fault.HOLE),
            (190, 200, Fault.NO_AUDIO),
        ],
    )


def test_a_head_that_turns_farther_than_allowed() -> None:
    track = make_track(100)
    angle = np.radians(50)
    track.rotations[40:60] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    assert stretches(track) == ([(0, 40, 0), (60, 100, 0)], [(40, 60, Fault.TURNED_AWAY)])
    assert stretches(track, limits=QualitySettings(maximum_yaw=60)) == ([(0, 100, 0)], [])


def test_an_absent_face_is_a_loss_only_if_no_other_is_there() -> None:
    first, second = lose(make_track(100), 30, 70), lose(make_track(100, face_id=1), 0, 50)
    faults = []
    for track in (first, second):
        grid = GridTrack.of(track, np.arange(100))
        faults.append(frame_faults(grid, np.zeros(100, bool), (0, 100), LIMITS))
    assert stretches(first) == ([(0, 30, 0), (70, 100, 0)], [])
    missing = faceless_stretches(faults, 100)
    assert [(one.start, one.stop, one.fault, one.face) for one in missing] == [(30, 50, Fault.NO_FACE, None)]


@pytest.mark.parametrize(
    ("spoil", "fault", "value"),
    [
        (lambda track: replace(track, landmarks=make_track(75, eyes=30).landmarks), Fault.TOO_SMALL, 52.2),
        (lambda track: lose(track, 10, 20, FrameStatus.INTERPOLATED), Fault.LOST, 10 / 75),
        (lambda track: replace(track, landmarks=track.landmarks[:1].repeat(75, axis=0)), Fault.STILL, 0.0),
    ],
)
def test_what_is_wrong_with_a_stretch_as_a_whole(spoil: Callable[..., Any], fault: Fault, value: float) -> None:
    grid = GridTrack.of(spoil(make_track(75)), np.arange(75))
    faults = frame_faults(grid, np.zeros(75, bool), (0, 75), LIMITS)
    kept, dropped = find_stretches(grid, faults, LIMITS)
    assert kept == []
    assert [one.fault for one in dropped] == [fault]
    assert dropped[0].value == pytest.approx(value, abs=0.5)


def test_few_interpolated_frames_are_no_harm() -> None:
    assert stretches(lose(make_track(75), 10, 15, FrameStatus.INTERPOLATED)) == ([(0, 75, 0)], [])


def test_long_stretches_are_divided_evenly() -> None:
    limits = QualitySettings(maximum_seconds=4)
    kept, _ = stretches(make_track(210), limits=limits)
    assert kept == [(0, 70, 0), (70, 140, 0), (140, 210, 0)]
    assert divide(0, 100, 4.0) == [(0, 100)]
    assert divide(5, 106, 4.0) == [(5, 55), (55, 106)]


def test_nothing_gives_nothing() -> None:
    assert stretches(make_track(1)) == ([], [(0, 1, Fault.TOO_SHORT)])


WAVEFORM, OPENING = speech(8)
MEL = mel_spectrogram(WAVEFORM).numpy()


def person(face_id: int, eyes: float, opening: np.ndarray) -> GridTrack:
    track = make_track(200, eyes=eyes, face_id=face_id)
    for index, side in ((LIP_UPPER, -0.5), (LIP_LOWER, 0.5)):
        track.landmarks[:, index, 1] = track.landmarks[:, 61, 1] + side * opening * eyes
    return GridTrack.of(track, np.arange(200))


LISTENER = 0.01 + 0.01 * np.sin(np.arange(200) * 0.13)


def faces_kept(*wanted: tuple[GridTrack, Stretch], mel: np.ndarray | None = MEL) -> tuple[list[int], list[int | None]]:
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
