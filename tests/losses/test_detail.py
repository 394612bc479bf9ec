"""The amount of fine detail against a slow one, and what it is for: blur costs more than a small shift."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.losses.detail import STRIDE, WINDOW, detail_difference
from visavox.losses.reconstruction import weighted_l1

SIZE = 18


def slow_amounts(picture: np.ndarray) -> np.ndarray:
    """Root of the mean squared Laplacian in every patch of one picture (3, H, W)."""
    luma = 0.299 * picture[0] + 0.587 * picture[1] + 0.114 * picture[2]
    rows, columns = luma.shape
    laplacian = np.array(
        [
            [
                4 * luma[y, x] - luma[y - 1, x] - luma[y + 1, x] - luma[y, x - 1] - luma[y, x + 1]
                for x in range(1, columns - 1)
            ]
            for y in range(1, rows - 1)
        ]
    )
    return patches(laplacian**2) ** 0.5


def patches(values: np.ndarray) -> np.ndarray:
    starts = range(0, len(values) - WINDOW + 1, STRIDE)
    return np.array([[values[y : y + WINDOW, x : x + WINDOW].mean() for x in starts] for y in starts])


def test_detail_difference() -> None:
    rng = np.random.default_rng(4)
    painted, truth, weight = rng.random((3, SIZE, SIZE)), rng.random((3, SIZE, SIZE)), rng.random((SIZE, SIZE))
    expected = np.abs(slow_amounts(painted) - slow_amounts(truth)) * patches(weight[1:-1, 1:-1])
    given = [torch.from_numpy(array)[None].float() for array in (painted, truth, weight[None])]
    assert float(detail_difference(*given)) == pytest.approx(expected.mean(), rel=1e-4)


def test_blur_costs_more_than_an_edge_beside_the_true_one() -> None:
    def edge(ramp: np.ndarray) -> torch.Tensor:
        return torch.tensor(ramp).clamp(0, 1).repeat(1, 3, SIZE, 1)

    columns = np.arange(SIZE, dtype=np.float32)
    truth, shifted, blurred = edge(columns - 8), edge(columns - 9), edge((columns - 6) / 5)
    weight = torch.ones(1, 1, SIZE, SIZE)
    assert weighted_l1(blurred, truth, weight) < 1.3 * weighted_l1(shifted, truth, weight)
    assert detail_difference(blurred, truth, weight) > 1.5 * detail_difference(shifted, truth, weight)


def test_a_flat_picture_has_a_gradient_and_the_truth_none() -> None:
    painted, truth = (torch.full((1, 3, SIZE, SIZE), 0.5, requires_grad=True) for _ in range(2))
    detail_difference(painted, truth, torch.ones(1, 1, SIZE, SIZE)).backward()
    assert torch.isfinite(painted.grad).all()
    assert truth.grad is None
