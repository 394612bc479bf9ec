"""25 frames a second out of any rate: exact times, no picture far from its moment."""

from fractions import Fraction

import numpy as np
import pytest

from visavox.data.preparation.frame_grid import distances, nearest_frames


def times(rate: Fraction, count: int) -> list[Fraction]:
    return [index / rate for index in range(count)]


def test_25_is_left_as_it_is() -> None:
    assert nearest_frames(times(Fraction(25), 75), Fraction(25)).tolist() == list(range(75))


def test_30_is_the_nearest_frame_at_exact_times() -> None:
    chosen = nearest_frames(times(Fraction(30), 30), Fraction(30))
    # k / 25 s is 1.2 k source frames: 0, 1.2, 2.4, 3.6, 4.8, and again from 6
    assert chosen.tolist() == [
        0,
        1,
        2,
        4,
        5,
        6,
        7,
        8,
        10,
        11,
        12,
        13,
        14,
        16,
        17,
        18,
        19,
        20,
        22,
        23,
        24,
        25,
        26,
        28,
        29,
    ]


@pytest.mark.parametrize(
    "rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(50), Fraction(60), Fraction(24)]
)
def test_no_picture_is_off_by_more_than_half_a_period_nor_on_average(rate: Fraction) -> None:
    stamps = times(rate, int(rate * 40))
    chosen = nearest_frames(stamps, rate)
    assert len(chosen) == 1000 or abs(len(chosen) - 1000) <= 1
    off = np.array([float(stamps[index]) for index in chosen]) - np.arange(len(chosen)) / 25
    assert np.abs(off).max() <= float(1 / rate) / 2 + 1e-9
    assert abs(off.mean()) < 0.001


def test_ten_minutes_do_not_drift() -> None:
    rate = Fraction(30000, 1001)
    stamps = times(rate, 17_982)
    chosen = nearest_frames(stamps, rate)
    assert abs(float(stamps[chosen[-1]]) - (len(chosen) - 1) / 25) <= 0.017


def test_of_two_equally_near_the_earlier() -> None:
    assert nearest_frames(times(Fraction(25, 2), 3), Fraction(25, 2)).tolist() == [0, 0, 1, 1, 2, 2]


def test_timestamps_in_milliseconds_lose_no_frame() -> None:
    stamps = [Fraction(round(1000 * index / Fraction(30000, 1001)), 1000) for index in range(300)]
    assert len(nearest_frames(stamps, Fraction(30000, 1001))) == 250


def test_holes_show_as_distances() -> None:
    stamps = [time for time in times(Fraction(25), 50) if not Fraction(3, 10) < time < Fraction(9, 10)]
    chosen = nearest_frames(stamps, Fraction(25))
    off = distances(stamps, chosen)
    assert off[:8].max() == pytest.approx(0)
    assert off.max() == pytest.approx(0.32, abs=0.03)


def test_nothing_gives_nothing() -> None:
    assert nearest_frames([], Fraction(25)).shape == (0,)
