"""No training window hears what a held-out window hears, and every part gets its share."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from visavox.adaptation.clips import Use, cut_clip, divide
from visavox.data.generator.clip_file import ClipFile
from visavox.data.generator.clip_store import StoredClip
from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec

FOOTAGE = {
    "three seconds": [75],
    "short clips": [74] * 10,
    "half a minute": [750],
    "five minutes": [750] * 10,
    "uneven": [749, 26, 312, 98, 15, 601],
    "an hour": [750] * 120,
}


@pytest.mark.parametrize("lengths", FOOTAGE.values(), ids=FOOTAGE)
@pytest.mark.parametrize("window", [16, 64])
def test_pieces_keep_apart(lengths: list[int], window: int) -> None:
    pieces = divide(lengths, window)
    assert {piece.use for piece in pieces} == set(Use)
    assert all(0 <= piece.first < piece.stop <= lengths[piece.clip] for piece in pieces)
    assert all(piece.first % 5 == 0 and piece.num_frames >= 15 for piece in pieces)
    for one, other in pairwise(pieces):
        if one.clip == other.clip:
            distance = other.first - one.stop
            assert distance >= 0
            if (one.use == Use.TRAINING) != (other.use == Use.TRAINING):
                assert distance * 80 / 25 >= window  # mel frames


@pytest.mark.parametrize("lengths", [FOOTAGE["five minutes"], FOOTAGE["an hour"]])
def test_long_video_is_held_out_at_several_places_and_mostly_learned_from(lengths: list[int]) -> None:
    pieces = divide(lengths, 64)
    seconds = {use: sum(p.num_frames for p in pieces if p.use == use) / 25 for use in Use}
    assert seconds[Use.HELD_OUT] == pytest.approx(32, abs=4)
    assert seconds[Use.TRAINING] > 0.8 * sum(lengths) / 25
    places = [p.clip for p in pieces if p.use == Use.HELD_OUT]
    assert places[0] < len(lengths) / 3
    assert places[-1] == len(lengths) - 1


@pytest.mark.parametrize("lengths", [[], [30], [14] * 9, [50]])
def test_too_little_is_refused(lengths: list[int]) -> None:
    with pytest.raises(InputError, match="too little to learn from"):
        divide(lengths, 64)


def test_a_piece_has_the_pictures_and_the_sound_of_its_time() -> None:
    clip = ClipFile(
        jpegs=[np.full(1, frame, np.uint8) for frame in range(50)],
        landmarks=np.arange(50, dtype=np.float32)[:, None, None] * np.ones((1, 478, 3), np.float32),
        audio=np.arange(50 * 640, dtype=np.int16),
        rotations=np.zeros((50, 3, 3), np.float32),
        spec=CropSpec(),
        displacements=np.arange(50, dtype=np.float32)[:, None, None] * np.ones((1, 68, 3), np.float32),
        confidence=np.arange(50, dtype=np.float32) / 50,
    )
    mel = np.arange(161, dtype=np.float32)[None] * np.ones((80, 1), np.float32)
    motion = np.arange(50, dtype=np.float32)[:, None]
    piece = cut_clip(StoredClip("a_000", "a", clip, mel, motion), 20, 35)
    assert [int(jpeg[0]) for jpeg in piece.clip.jpegs] == list(range(20, 35))
    assert piece.clip.landmarks[0, 0, 0] == piece.clip.displacements[0, 0, 0] == piece.motion[0, 0] == 20
    assert piece.clip.confidence[0] == pytest.approx(20 / 50)
    assert (piece.clip.audio[0], len(piece.clip.audio)) == (20 * 640, 15 * 640)
    assert (piece.mel[0, 0], piece.mel.shape[1]) == (64, 49)
