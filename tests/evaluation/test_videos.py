"""Frames of two videos find each other by time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.conftest import write_video

from visavox.evaluation.videos import read_in_step
from visavox.metrics.pair import frame_rate, pair_times


def times(num: int, rate: int | Fraction, start: Fraction = Fraction(0)) -> list[Fraction]:
    return [start + Fraction(index) / rate for index in range(num)]


def test_the_nearest_frame_in_time_is_the_partner() -> None:
    first, second = times(50, 30), times(50, 25)
    partners = pair_times(first, second)
    for index, partner in enumerate(partners):
        distances = [abs(time - first[index]) for time in second]
        assert distances[partner] == min(distances)


def test_frames_past_the_end_have_no_partner() -> None:
    partners = pair_times(times(40, 25), times(30, 25))
    assert partners.tolist() == [*range(30), *[-1] * 10]
    assert pair_times(times(3, 25), []).tolist() == [-1, -1, -1]


def test_frame_rate_is_that_of_most_frames() -> None:
    assert frame_rate(times(10, Fraction(30000, 1001))) == pytest.approx(29.97, abs=0.001)
    assert frame_rate(times(1, 25)) == 0


def test_videos_are_read_side_by_side(tmp_path: Path) -> None:
    slow = write_video(tmp_path / "slow.mp4", (np.full((48, 64, 3), 40 + 4 * k, np.uint8) for k in range(10)), rate=25)
    fast = write_video(tmp_path / "fast.mp4", (np.full((48, 64, 3), 40 + 2 * k, np.uint8) for k in range(16)), rate=50)
    partners = pair_times(times(10, 25), times(16, 50))
    seen = []
    for frame, (partner, nobody) in read_in_step(slow, [(fast, partners), None]):
        assert nobody is None
        seen.append(None if partner is None else partner.index)
        if partner is not None:
            assert abs(int(frame.image.mean()) - int(partner.image.mean())) <= 3
    assert seen == [0, 2, 4, 6, 8, 10, 12, 14, None, None]
