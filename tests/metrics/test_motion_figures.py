"""Figures of motion: perfect for the truth itself, and each of them falls for its own fault."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.metrics.motion import MotionAgreement, compare_motions

REST = np.zeros((68, 3), np.float32)


def true_motion() -> np.ndarray:
    rng = np.random.default_rng(0)
    motion = np.zeros((50, 68, 3), np.float32)
    curve = np.convolve(rng.normal(size=54), np.ones(5) / 5, mode="valid") + 1.5
    motion[:, 66, 1] = -curve
    motion[:, 48, 0] = -0.2 * np.sin(np.arange(50))
    return motion


def test_the_truth_agrees_with_itself() -> None:
    figures = compare_motions(true_motion(), true_motion(), REST)
    assert (figures.opening, figures.width, figures.gain, figures.velocity, figures.distance) == pytest.approx(
        (1, 1, 1, 1, 0)
    )


def test_half_the_motion_has_half_the_gain_and_speed() -> None:
    true = true_motion()
    figures = compare_motions((true - true.mean(axis=0)) / 2 + true.mean(axis=0), true, REST)
    assert figures.opening == pytest.approx(1, abs=1e-3)
    assert figures.gain == pytest.approx(0.5, abs=0.02)
    assert figures.velocity == pytest.approx(0.5)
    assert figures.distance > 0.005


def test_a_motion_that_comes_late_agrees_less() -> None:
    true = true_motion()
    assert compare_motions(np.roll(true, 4, axis=0), true, REST).opening < 0.5


def test_what_does_not_move_is_left_out_of_the_mean() -> None:
    still = compare_motions(REST[None] + np.zeros((50, 1, 1), np.float32), true_motion(), REST)
    assert np.isnan(still.opening)
    mean = MotionAgreement.mean([still, compare_motions(true_motion(), true_motion(), REST)])
    assert mean.opening == pytest.approx(1)
    assert mean.gain == pytest.approx(0.5)
