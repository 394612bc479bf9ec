from fractions import Fraction
from itertools import pairwise

import pytest

from visavox.dubbing.playback import Timeline, plan_timeline
from visavox.dubbing.settings import Extend, Tail

PERIOD = Fraction(1, 25)
TIMES = tuple(k * PERIOD for k in range(50))  # 2 s


def plan(
    speech: Fraction | int,
    extend: Extend = "pingpong",
    tail: Tail = "cut",
    times: tuple[Fraction, ...] = TIMES,
    period: Fraction = PERIOD,
) -> Timeline:
    return plan_timeline(times, period, Fraction(speech), extend=extend, tail=tail)


@pytest.mark.parametrize("extend", ["pingpong", "loop", "freeze"])
@pytest.mark.parametrize("speech", [2, 3, Fraction("7.013"), Fraction("2.02")])
def test_extended_video_ends_with_the_sound(extend: Extend, speech: Fraction | int) -> None:
    moments = list(plan(speech, extend).moments())
    steps = {later.time - earlier.time for earlier, later in pairwise(moments)}
    assert steps == {PERIOD}
    assert moments[-1].time < speech <= moments[-1].time + PERIOD


def test_pingpong_never_jumps_and_never_stutters() -> None:
    indices = [moment.frame for moment in plan(9).moments()]
    steps = [abs(later - earlier) for earlier, later in pairwise(indices)]
    assert set(steps) == {1}
    assert indices[:50] == list(range(50))
    assert indices[50] == 48
    assert min(indices[50:]) == 0
    assert len(indices) == 225


def test_pingpong_mirrors_uneven_times() -> None:
    times = tuple(Fraction(k) for k in (0, 1, 3, 4, 8))
    moments = list(plan(24, times=times, period=Fraction(1)).moments())
    assert [(moment.frame, int(moment.time)) for moment in moments] == [
        (0, 0), (1, 1), (2, 3), (3, 4), (4, 8),
        (3, 12), (2, 13), (1, 15), (0, 16),
        (1, 17), (2, 19), (3, 20),
    ]  # fmt: skip


def test_loop_begins_again_after_the_last_frame() -> None:
    indices = [moment.frame for moment in plan(5, "loop").moments()]
    assert indices == [k % 50 for k in range(125)]


def test_freeze_holds_the_last_frame() -> None:
    indices = [moment.frame for moment in plan(3, "freeze").moments()]
    assert indices == [*range(50), *[49] * 25]


def test_stop_cuts_the_sound() -> None:
    timeline = plan(5, "stop")
    assert (timeline.num_frames, timeline.duration) == (50, Fraction(2))
    assert "3.00 s shorter" in timeline.decisions[0]
    assert "sound was cut" in timeline.decisions[0]


@pytest.mark.parametrize("extend", ["pingpong", "loop", "freeze", "stop"])
def test_picture_stands_as_long_as_the_sound(extend: Extend) -> None:
    timeline = plan(Fraction("1.5"), extend, times=(Fraction(0),))
    assert [moment.frame for moment in timeline.moments()] == [0] * 38
    assert timeline.decisions == ()


def test_tail_is_cut_and_said() -> None:
    timeline = plan(1)
    assert timeline.num_frames == 25
    assert timeline.duration == 1
    assert "1.00 s longer" in timeline.decisions[0]


@pytest.mark.parametrize("tail", ["original", "silent"])
def test_tail_is_kept(tail: Tail) -> None:
    timeline = plan(1, tail=tail)
    assert (timeline.num_frames, timeline.duration, timeline.speech_end) == (50, Fraction(2), Fraction(1))


def test_less_than_a_frame_is_no_difference() -> None:
    for speech in (Fraction("1.97"), Fraction("2.03")):
        assert plan(speech).decisions == ()
    assert plan(Fraction("1.97")).num_frames == 50
    assert plan(Fraction("2.03"), "stop").num_frames == 50
