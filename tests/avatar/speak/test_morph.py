"""Pictures between two."""

from __future__ import annotations

import cv2
import numpy as np

from visavox.avatar.speak.morph import morph


def a_scene(x: float, y: float = 60.0, size: tuple[int, int] = (120, 160)) -> np.ndarray:
    """A still, coloured scene with a spotted disk in it."""
    height, width = size
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(rng.uniform(0, 160, (height, width, 3)), (0, 0), 5)
    spots = cv2.GaussianBlur(rng.uniform(-400, 600, (81, 81, 3)), (0, 0), 3)
    disk = cv2.GaussianBlur(np.float64(np.hypot(*np.mgrid[-40:41, -40:41]) < 30), (0, 0), 1)[..., None]
    moved = np.float64([[1, 0, x - 40], [0, 1, y - 40]])
    share = cv2.warpAffine(disk, moved, (width, height))[..., None]
    return np.clip((1 - share) * scene + share * cv2.warpAffine(120 + spots, moved, (width, height)), 0, 255).astype(
        np.uint8
    )


def test_the_ends_are_the_pictures() -> None:
    first, second = a_scene(70), a_scene(78)
    assert np.abs(morph(first, second, 0).astype(int) - first).max() <= 1
    assert np.abs(morph(first, second, 1).astype(int) - second).mean() < 2


def test_half_way_what_moved_is_half_way_and_is_not_seen_twice() -> None:
    first, second, truth = a_scene(70), a_scene(80), a_scene(75).astype(int)
    made = morph(first, second, 0.5)
    assert made.shape == first.shape
    assert made.dtype == np.uint8
    faded = cv2.addWeighted(first, 0.5, second, 0.5, 0)
    inside = np.s_[40:80, 60:90]
    assert np.abs(made.astype(int) - truth)[inside].mean() < 0.4 * np.abs(faded.astype(int) - truth)[inside].mean()
    assert np.abs(made.astype(int) - first)[:20].mean() < 2  # the scene stays where it is


def test_what_only_changes_fades() -> None:
    first = np.full((40, 60, 3), 100, np.uint8)
    assert (morph(first, np.full_like(first, 140), 0.25) == 110).all()


def test_large_pictures_are_followed_in_small_ones() -> None:
    first, second = (cv2.resize(a_scene(x), (960, 720), interpolation=cv2.INTER_CUBIC) for x in (70, 76))
    truth = cv2.resize(a_scene(73), (960, 720), interpolation=cv2.INTER_CUBIC).astype(int)
    made, faded = morph(first, second, 0.5).astype(int), cv2.addWeighted(first, 0.5, second, 0.5, 0).astype(int)
    inside = np.s_[240:480, 360:525]
    assert np.abs(made - truth)[inside].mean() < 0.5 * np.abs(faded - truth)[inside].mean()
