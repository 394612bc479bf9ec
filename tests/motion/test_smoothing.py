"""Smoothing that leaves alone what lips do."""

import numpy as np
from hand_made_motion import lip_gap, open_mouth, still

from visavox.motion.smoothing import SmoothingSettings, smooth_motion


def talking(tremble=0.0):
    opening = np.full(50, 0.9)
    opening[20:22] = 0.0  # an /m/ of two frames
    opening[35] = 0.0  # and a /b/ of one
    motion = open_mouth(still(50), opening)
    motion.displacements[:] += np.random.default_rng(0).normal(0, tremble, motion.displacements.shape)
    return motion


def test_a_closure_of_two_frames_survives_and_one_of_a_single_frame_too():
    before = lip_gap(talking())
    after = lip_gap(smooth_motion(talking()))
    np.testing.assert_allclose(after, before, atol=1e-3)
    # an average over the same time leaves the mouth open
    kernel = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.25**2))
    averaged = np.convolve(before, kernel / kernel.sum(), mode="same")
    assert averaged[20:22].min() > before[20] + 0.3


def test_trembling_goes_and_closures_stay():
    rough = talking(tremble=0.01)
    smooth = smooth_motion(rough)
    still_frames = slice(2, 17)
    before = np.diff(rough.displacements[still_frames], n=2, axis=0).std()
    after = np.diff(smooth.displacements[still_frames], n=2, axis=0).std()
    assert after < 0.45 * before
    np.testing.assert_allclose(lip_gap(smooth)[[20, 21, 35]], lip_gap(rough)[[20, 21, 35]], atol=0.02)
    np.testing.assert_array_equal(smooth.neutral, rough.neutral)


def test_no_time_changes_nothing():
    motion = talking()
    assert smooth_motion(motion, SmoothingSettings(seconds=0)) is motion
    short = still(2)
    assert smooth_motion(short).num_frames == 2
