"""Losses of pictures against slow ones, written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.losses.reconstruction import painted_region, weighted_gradient_l1, weighted_l1

SIZE = 16


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    painted, truth = rng.random((2, 3, SIZE, SIZE)), rng.random((2, 3, SIZE, SIZE))
    return painted, truth, rng.random((2, 1, SIZE, SIZE))


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def halved(picture: np.ndarray) -> np.ndarray:
    half = picture.shape[-1] // 2
    return picture.reshape(*picture.shape[:-2], half, 2, half, 2).mean(axis=(-3, -1))


def test_weighted_l1(pictures: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    painted, truth, weight = pictures
    total = sum(
        weight[b, 0, y, x] * abs(painted[b, c, y, x] - truth[b, c, y, x])
        for b in range(2) for c in range(3) for y in range(SIZE) for x in range(SIZE)
    )  # fmt: skip
    assert float(weighted_l1(*tensors(*pictures))) == pytest.approx(total / painted.size)


def test_weighted_gradient_l1(pictures: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    painted, truth, weight = pictures
    expected = 0.0
    for _ in range(2):
        error = painted - truth
        expected += (np.abs(np.diff(error, axis=-1)) * weight[..., 1:]).mean() / 2
        expected += (np.abs(np.diff(error, axis=-2)) * weight[..., 1:, :]).mean() / 2
        painted, truth, weight = halved(painted), halved(truth), halved(weight)
    assert float(weighted_gradient_l1(*tensors(*pictures))) == pytest.approx(expected)


def test_a_constant_error_has_no_gradient_error() -> None:
    truth = torch.rand(1, 3, SIZE, SIZE)
    weight = torch.ones(1, 1, SIZE, SIZE)
    assert float(weighted_gradient_l1(truth + 0.25, truth, weight)) == pytest.approx(0, abs=1e-6)
    assert float(weighted_l1(truth + 0.25, truth, weight)) == pytest.approx(0.25)


def test_painted_region_against_a_loop() -> None:
    boxes = np.array([[4.0, 9.0, 12.0, 13.0], [2.0, 10.0, 8.0, 12.0]])
    found = painted_region(torch.from_numpy(boxes).float(), SIZE, mouth_weight=4.0, border=2).numpy()
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        expected = np.zeros((SIZE, SIZE))
        reach = 0.6 * (x1 - x0)
        for y in range(SIZE // 2 - 2, SIZE):
            for x in range(SIZE):
                across, down = (x + 0.5 - (x0 + x1) / 2) / reach, (y + 0.5 - (y0 + y1) / 2) / reach
                expected[y, x] = 1 + 3 * np.exp(-(across**2 + down**2))
        np.testing.assert_allclose(found[number, 0], expected / expected.mean(), rtol=1e-4)


def test_painted_region_without_a_mouth_weight_is_flat_where_it_counts() -> None:
    weight = painted_region(torch.tensor([[4.0, 9.0, 12.0, 13.0]]), SIZE, mouth_weight=1.0, border=0)
    assert torch.equal(weight[0, 0, : SIZE // 2], torch.zeros(SIZE // 2, SIZE))
    assert torch.allclose(weight[0, 0, SIZE // 2 :], torch.tensor(2.0))
    assert weight.mean() == pytest.approx(1)
