"""Blinks that can be seen in a drawn head."""

from __future__ import annotations

import numpy as np

from visavox.avatar.speak.eyes import DEEPER, SHUT, drawn_closure, with_drawn_blinks
from visavox.motion.blink import USUAL_DEPTH, USUAL_SHAPE, eye_closure, find_blinks
from visavox.types import Motion


def still(frames: int) -> Motion:
    return Motion(np.zeros((frames, 68, 3), np.float32), np.ones(frames, np.float32), np.zeros((68, 3), np.float32))


def test_a_blink_is_deeper_and_stays_shut() -> None:
    seen = np.zeros(40, np.float32)
    seen[10 : 10 + len(USUAL_SHAPE)] = USUAL_DEPTH * np.array(USUAL_SHAPE)
    drawn = drawn_closure(seen)
    assert drawn.dtype == np.float32
    assert (drawn >= seen).all()
    assert drawn.max() == np.float32(min(1, DEEPER * USUAL_DEPTH))
    assert (drawn == drawn.max()).sum() == SHUT
    assert not drawn[:10].any()
    assert not drawn[30:].any()


def test_eyes_blink_as_often_as_asked() -> None:
    made = with_drawn_blinks(still(1500), 20, still(500), 3)
    assert 10 <= len(find_blinks(made)) <= 30
    assert eye_closure(made).max() > 0.8
    assert not len(find_blinks(with_drawn_blinks(still(500), "none", still(500), 3)))
    assert len(find_blinks(with_drawn_blinks(still(1500), "natural", still(500), 3)))
