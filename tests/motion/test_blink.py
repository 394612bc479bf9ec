"""Finding blinks, learning them, and making them."""

from dataclasses import replace

import numpy as np
import pytest
from tests.motion.hand_made_motion import shut_eyes, still

from visavox.errors import InputError
from visavox.face.geometry.motion import canonical_68
from visavox.motion.blink import (
    DEEPER,
    LIDS,
    SHUT,
    USUAL_DEPTH,
    USUAL_SHAPE,
    BlinkStyle,
    apply_blinks,
    draw_blinks,
    eye_closure,
    eye_opening,
    find_blinks,
    learn_blink_style,
    parse_blink,
    rendered_closure,
    with_blinks,
    with_rendered_blinks,
)
from visavox.types import Motion


def blinking(
    num_frames: int, moments: list[int] | range, depth: float = 0.8, shape: tuple[float, ...] = USUAL_SHAPE
) -> Motion:
    closure = np.zeros(num_frames)
    for moment in moments:
        for offset, value in enumerate(shape):
            if 0 <= moment - 3 + offset < num_frames:
                closure[moment - 3 + offset] = max(closure[moment - 3 + offset], depth * value)
    return shut_eyes(still(num_frames), closure)


def test_blinks_are_found_where_they_are() -> None:
    moments = [2, 40, 55, 120, 199]
    motion = blinking(200, moments)
    assert find_blinks(motion).tolist() == moments
    closure = eye_closure(motion)
    assert closure[moments].min() > 0.75
    assert np.median(closure) < 0.05


def test_looking_down_and_frames_without_a_face_are_no_blinks() -> None:
    motion = blinking(200, [40])
    shut_eyes(motion, np.r_[np.zeros(90), np.full(30, 0.6), np.zeros(80)])
    assert find_blinks(motion).tolist() == [40]
    unseen = motion.confidence.copy()
    unseen[38:45] = 0
    assert find_blinks(replace(motion, confidence=unseen)).tolist() == []


def test_the_blinks_of_a_person_are_learned() -> None:
    slow = (0.0, 0.5, 0.9, 1.0, 1.0, 0.9, 0.8, 0.6, 0.5, 0.3, 0.1, 0.0)
    motions = [blinking(1500, range(30, 1470, 36), depth=0.95, shape=slow)]  # 40 in a minute
    style = learn_blink_style(motions)
    assert style.rate == pytest.approx((40 + 0.3 * 26) / 1.3)
    assert style.depth == pytest.approx(0.95, abs=0.02)
    np.testing.assert_allclose(style.shape, slow, atol=0.05)


def test_little_video_proves_little() -> None:
    style = learn_blink_style([still(75)])
    assert 20 < style.rate < 26
    assert style.shape == USUAL_SHAPE
    assert learn_blink_style([]) == BlinkStyle()


def test_drawn_blinks_have_the_rate_and_the_times_of_people() -> None:
    closure = draw_blinks(25 * 60 * 20, 25.0, seed=3)
    motion = apply_blinks(still(len(closure)), closure)
    moments = find_blinks(motion)
    assert len(moments) / 20 == pytest.approx(26, rel=0.12)
    intervals = np.log(np.diff(moments) / 25 - 0.3 + 0.04)
    assert 0.45 < intervals.std() < 0.8
    assert closure.max() == pytest.approx(0.85, abs=0.01)
    assert (closure < 0.05).mean() > 0.75


def test_the_same_seed_gives_the_same_blinks() -> None:
    np.testing.assert_array_equal(draw_blinks(500, 25.0, seed=1), draw_blinks(500, 25.0, seed=1))
    assert (draw_blinks(500, 25.0, seed=1) != draw_blinks(500, 25.0, seed=2)).any()


def test_lids_meet_and_nothing_else_moves() -> None:
    motion = still(3)
    shut = apply_blinks(motion, np.array([0.0, 0.5, 1.0]))
    points = canonical_68() + shut.displacements
    for upper, lower in LIDS:
        gaps = np.linalg.norm(points[:, upper] - points[:, lower], axis=-1)
        assert gaps[2] == pytest.approx(0, abs=1e-6)
        assert gaps[1] == pytest.approx(gaps[0] / 2, rel=1e-4)
        moved = np.abs(points[2] - points[0])
        assert moved[upper, 1] > 3 * moved[lower, 1]
    others = [index for index in range(68) if index not in {one for pair in LIDS for one in pair}]
    np.testing.assert_array_equal(shut.displacements[:, others], motion.displacements[:, others])


def test_every_kind_of_blinking() -> None:
    motion = blinking(1500, range(30, 1470, 100))
    assert with_blinks(motion, "own") is motion
    assert len(find_blinks(with_blinks(motion, "none"))) == 0
    assert eye_opening(with_blinks(motion, "none").displacements).std() < 1e-6
    assert len(find_blinks(with_blinks(motion, 0.0))) == 0
    assert 8 <= len(find_blinks(with_blinks(motion, 12.0, seed=5))) <= 17
    person = blinking(1500, range(30, 1470, 36))
    person.displacements[:, 36:48, 1] += 0.2
    as_person = with_blinks(motion, "natural", person=person, seed=1)
    assert 26 <= len(find_blinks(as_person)) <= 46
    rest = np.median(as_person.displacements[:, 36:48], axis=0)
    np.testing.assert_allclose(rest, np.median(person.displacements[:, 36:48], axis=0), atol=0.02)
    with pytest.raises(ValueError, match="3 frames"):
        apply_blinks(motion, np.zeros(3))


def test_what_users_write() -> None:
    assert parse_blink("natural") == "natural"
    assert parse_blink("12.5") == 12.5
    for wrong in ("often", "-3", "500", "nan"):
        with pytest.raises(InputError, match="natural, none, own"):
            parse_blink(wrong)


def test_a_blink_is_deeper_and_stays_shut() -> None:
    seen = np.zeros(40, np.float32)
    seen[10 : 10 + len(USUAL_SHAPE)] = USUAL_DEPTH * np.array(USUAL_SHAPE)
    drawn = rendered_closure(seen)
    assert drawn.dtype == np.float32
    assert (drawn >= seen).all()
    assert drawn.max() == np.float32(min(1, DEEPER * USUAL_DEPTH))
    assert (drawn == drawn.max()).sum() == SHUT
    assert not drawn[:10].any()
    assert not drawn[30:].any()


def test_eyes_blink_as_often_as_asked() -> None:
    made = with_rendered_blinks(still(1500), 20, still(500), 3)
    assert 10 <= len(find_blinks(made)) <= 30
    assert eye_closure(made).max() > 0.8
    assert not len(find_blinks(with_rendered_blinks(still(500), "none", still(500), 3)))
    assert len(find_blinks(with_rendered_blinks(still(1500), "natural", still(500), 3)))
