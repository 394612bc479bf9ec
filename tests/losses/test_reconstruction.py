"""Losses of pictures against slow ones, written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.narrow import present

from visavox.losses.reconstruction import (
    STRIDE,
    WINDOW,
    detail_difference,
    region_weight,
    weighted_gradient_l1,
    weighted_l1,
)

SIZE = 16


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    painted, truth = rng.random((2, 3, SIZE, SIZE)), rng.random((2, 3, SIZE, SIZE))
    return painted, truth, rng.random((2, 1, SIZE, SIZE))


def tensors(arrays: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    one, two, three = (torch.from_numpy(array) for array in arrays)
    return one, two, three


def halved(picture: np.ndarray) -> np.ndarray:
    half = picture.shape[-1] // 2
    return np.asarray(picture.reshape(*picture.shape[:-2], half, 2, half, 2).mean(axis=(-3, -1)))


def test_weighted_l1(pictures: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    painted, truth, weight = pictures
    total = sum(
        weight[b, 0, y, x] * abs(painted[b, c, y, x] - truth[b, c, y, x])
        for b in range(2) for c in range(3) for y in range(SIZE) for x in range(SIZE)
    )  # fmt: skip
    assert float(weighted_l1(*tensors(pictures))) == pytest.approx(total / painted.size)


def test_weighted_gradient_l1(pictures: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    painted, truth, weight = pictures
    expected = 0.0
    for _ in range(2):
        error = painted - truth
        expected += (np.abs(np.diff(error, axis=-1)) * weight[..., 1:]).mean() / 2
        expected += (np.abs(np.diff(error, axis=-2)) * weight[..., 1:, :]).mean() / 2
        painted, truth, weight = halved(painted), halved(truth), halved(weight)
    assert float(weighted_gradient_l1(*tensors(pictures))) == pytest.approx(expected)


def test_a_constant_error_has_no_gradient_error() -> None:
    truth = torch.rand(1, 3, SIZE, SIZE)
    weight = torch.ones(1, 1, SIZE, SIZE)
    assert float(weighted_gradient_l1(truth + 0.25, truth, weight)) == pytest.approx(0, abs=1e-6)
    assert float(weighted_l1(truth + 0.25, truth, weight)) == pytest.approx(0.25)


def test_painted_region_against_a_loop() -> None:
    boxes = np.array([[4.0, 9.0, 12.0, 13.0], [2.0, 10.0, 8.0, 12.0]])
    found = region_weight(torch.from_numpy(boxes).float(), SIZE, mouth_weight=4.0, border=2).numpy()
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        expected = np.zeros((SIZE, SIZE))
        reach = 0.6 * (x1 - x0)
        for y in range(SIZE // 2 - 2, SIZE):
            for x in range(SIZE):
                across, down = (x + 0.5 - (x0 + x1) / 2) / reach, (y + 0.5 - (y0 + y1) / 2) / reach
                expected[y, x] = 1 + 3 * np.exp(-(across**2 + down**2))
        np.testing.assert_allclose(found[number, 0], expected / expected.mean(), rtol=1e-4)


def test_painted_region_without_a_mouth_weight_is_flat_where_it_counts() -> None:
    weight = region_weight(torch.tensor([[4.0, 9.0, 12.0, 13.0]]), SIZE, mouth_weight=1.0, border=0)
    assert torch.equal(weight[0, 0, : SIZE // 2], torch.zeros(SIZE // 2, SIZE))
    assert torch.allclose(weight[0, 0, SIZE // 2 :], torch.tensor(2.0))
    assert weight.mean() == pytest.approx(1)


DETAIL_SIZE = 18


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
    painted, truth, weight = (
        rng.random((3, DETAIL_SIZE, DETAIL_SIZE)),
        rng.random((3, DETAIL_SIZE, DETAIL_SIZE)),
        rng.random((DETAIL_SIZE, DETAIL_SIZE)),
    )
    expected = np.abs(slow_amounts(painted) - slow_amounts(truth)) * patches(weight[1:-1, 1:-1])
    given = [torch.from_numpy(array)[None].float() for array in (painted, truth, weight[None])]
    assert float(detail_difference(*given)) == pytest.approx(expected.mean(), rel=1e-4)


def test_blur_costs_more_than_an_edge_beside_the_true_one() -> None:
    def edge(ramp: np.ndarray) -> torch.Tensor:
        return torch.tensor(ramp).clamp(0, 1).repeat(1, 3, DETAIL_SIZE, 1)

    columns = np.arange(DETAIL_SIZE, dtype=np.float32)
    truth, shifted, blurred = edge(columns - 8), edge(columns - 9), edge((columns - 6) / 5)
    weight = torch.ones(1, 1, DETAIL_SIZE, DETAIL_SIZE)
    assert weighted_l1(blurred, truth, weight) < 1.3 * weighted_l1(shifted, truth, weight)
    assert detail_difference(blurred, truth, weight) > 1.5 * detail_difference(shifted, truth, weight)


def test_a_flat_picture_has_a_gradient_and_the_truth_none() -> None:
    painted, truth = (torch.full((1, 3, DETAIL_SIZE, DETAIL_SIZE), 0.5, requires_grad=True) for _ in range(2))
    detail_difference(painted, truth, torch.ones(1, 1, DETAIL_SIZE, DETAIL_SIZE)).backward()
    assert torch.isfinite(present(painted.grad)).all()
    assert truth.grad is None
