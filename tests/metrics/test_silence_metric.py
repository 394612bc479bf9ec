"""The mouth in silence."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.metrics.silence import silence_motion

TIMES = np.arange(100) / 25


def test_motion_is_the_deviation_from_each_silences_own_mean() -> None:
    opening = np.random.default_rng(0).uniform(0, 0.3, 100)
    first, second = (TIMES >= 0.6) & (TIMES <= 0.9), (TIMES >= 2.1) & (TIMES <= 2.9)
    opening[first], opening[second] = 0.02, 0.05
    opening[np.flatnonzero(second)[::2]] = 0.07
    result = silence_motion(opening, TIMES, [(0.5, 1.0), (2.0, 3.0)], margin=0.1, true_opening=opening * 0 + 0.01)
    deviations = np.concatenate([opening[stretch] - opening[stretch].mean() for stretch in (first, second)])
    assert result.motion == pytest.approx(np.sqrt(np.mean(deviations**2)))
    assert result.opening == pytest.approx(opening[first | second].mean())
    assert result.true_motion == pytest.approx(0)
    assert result.true_opening == pytest.approx(0.01)
    assert (result.num_silences, result.num_frames) == (2, int((first | second).sum()))


def test_two_silences_of_different_rest_are_no_motion() -> None:
    opening = np.where(TIMES < 2, 0.0, 0.1)
    assert silence_motion(opening, TIMES, [(0, 1), (3, 4)]).motion == pytest.approx(0)


def test_missing_faces_and_missing_silence() -> None:
    opening = np.full(100, 0.1)
    opening[30] = np.nan
    assert silence_motion(opening, TIMES, [(1.0, 1.5)]).num_frames == 7  # 28..34 without 30, frame 35 = 1.4 s
    nothing = silence_motion(opening, TIMES, [])
    assert nothing.num_silences == 0
    assert np.isnan(nothing.motion)
