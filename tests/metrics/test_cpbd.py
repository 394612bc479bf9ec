"""CPBD against the definition, edge by edge, and on pictures whose blur is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from visavox.metrics.cpbd import cpbd, edge_widths

data = pytest.importorskip("skimage.data")


@pytest.fixture
def photo() -> np.ndarray:
    return np.asarray(data.astronaut()[:192, 100:300])


def plain_edges(gray: np.ndarray) -> set[tuple[int, int]]:
    """Strong horizontal differences (Sobel) that are larger than both neighbours' in the row or in the column."""
    height, width = gray.shape
    padded = np.pad(gray, 1, mode="symmetric")
    strength = np.zeros(gray.shape)
    for i in range(height):
        for j in range(width):
            window = padded[i : i + 3, j : j + 3]
            strength[i, j] = ((window[:, 2] - window[:, 0]) @ [1, 2, 1] / 8) ** 2
    strength[strength <= 2 * np.sqrt(strength.mean())] = 0
    found = set()
    for i in range(1, height - 1):
        for j in range(1, width - 1):
            here = strength[i, j]
            in_row = here > strength[i, j - 1] and here > strength[i, j + 1]
            in_column = here > strength[i - 1, j] and here > strength[i + 1, j]
            if in_row or in_column:
                found.add((i, j))
    return found


def plain_width(row: np.ndarray, column: int, sign: int) -> int:
    """Pixels from the foot of an edge to its top, followed to both sides from the neighbours of the edge pixel."""
    left = column - 1
    while left - 1 >= 0 and sign * (row[left] - row[left - 1]) > 0 and column - left <= 100:
        left -= 1
    right = column + 1
    while right + 1 < len(row) and sign * (row[right + 1] - row[right]) > 0 and right - column <= 100:
        right += 1
    return right - left


def test_edges_are_as_wide_as_they_are(photo: np.ndarray) -> None:
    gray = np.rint(photo[:60, :80] @ [0.299, 0.587, 0.114])
    expected = np.zeros(gray.shape, int)
    rise_down, rise_right = np.gradient(gray)
    for i, j in plain_edges(gray):
        angle = np.degrees(np.arctan2(rise_down[i, j], rise_right[i, j])) if rise_right[i, j] else 0.0
        if abs(angle) <= 22.5:
            expected[i, j] = plain_width(gray[i], j, 1)
        elif abs(angle) >= 157.5:
            expected[i, j] = plain_width(gray[i], j, -1)
    assert (expected > 0).sum() > 40
    assert edge_widths(gray).tolist() == expected.tolist()


def test_the_share_is_that_of_the_definition(photo: np.ndarray) -> None:
    from skimage.feature import canny

    gray = np.rint(photo.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)).astype(float)
    edges, widths = canny(gray), edge_widths(gray)
    sharp = total = 0
    for top in (0, 64, 128):
        for left in (0, 64, 128):
            block = gray[top : top + 64, left : left + 64]
            if edges[top : top + 64, left : left + 64].sum() <= 0.002 * 64 * 64:
                continue
            noticeable = 5 if int(block.max() - block.min()) <= 50 else 3
            for width in widths[top : top + 64, left : left + 64].ravel():
                if width:
                    total += 1
                    sharp += round(100 * (1 - np.exp(-((width / noticeable) ** 3.6)))) <= 63
    assert cpbd(photo) == pytest.approx(sharp / total)


def test_blur_lowers_it(photo: np.ndarray) -> None:
    values = [cpbd(photo), *(cpbd(cv2.GaussianBlur(photo, (0, 0), sigma)) for sigma in (1, 2, 3))]
    assert 0 <= values[3] < values[2] < values[1] < values[0] <= 1


def test_figures_of_the_cpbd_package() -> None:
    # Printed by cpbd.compute of the package cpbd 1.0.7 (PyPI) for the rounded luma of these pictures.
    assert cpbd(data.astronaut()[:256, :300]) == pytest.approx(0.3480565371024735, abs=1e-12)
    assert cpbd(data.coffee()[:256, :300]) == pytest.approx(0.6307617661329452, abs=1e-12)


def test_without_edges_there_is_no_figure() -> None:
    assert np.isnan(cpbd(np.full((128, 128, 3), 90, np.uint8)))
    assert np.isnan(cpbd(data.astronaut()[:60, :60]))
