"""Correlation, lag and gain against plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.narrow import present

from visavox.metrics.curves import (
    compare_curves,
    gain,
    lagged_correlation,
    mean_best_lag,
    opening_correlation,
    pool_curves,
)


def talking(num_frames: int, seed: int = 0) -> np.ndarray:
    """Return a curve that moves like a mouth: noise that changes over some three frames."""
    noise = np.random.default_rng(seed).normal(size=num_frames + 4)
    return 0.1 + 0.05 * np.convolve(noise, np.ones(5) / 5, mode="valid")


def naive_correlation(predicted: np.ndarray, true: np.ndarray) -> float:
    pairs = [(p, q) for p, q in zip(predicted, true, strict=True) if np.isfinite(p) and np.isfinite(q)]
    return float(np.corrcoef(np.array(pairs).T)[0, 1])


@pytest.fixture
def noisy_pair() -> tuple[np.ndarray, np.ndarray]:
    true = talking(80)
    predicted = 0.6 * true + 0.02 * np.random.default_rng(1).normal(size=80)
    predicted[[3, 40, 41]] = np.nan
    return predicted, true


def test_correlation_equals_numpy_and_leaves_missing_frames_out(noisy_pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert float(opening_correlation(*noisy_pair)) == pytest.approx(naive_correlation(*noisy_pair), abs=1e-12)


def test_gain_is_the_ratio_of_standard_deviations_over_shared_frames(noisy_pair: tuple[np.ndarray, np.ndarray]) -> None:
    predicted, true = noisy_pair
    shared = np.isfinite(predicted)
    assert float(gain(predicted, true)) == pytest.approx(predicted[shared].std() / true[shared].std(), abs=1e-12)


def test_torch_gives_the_numbers_of_numpy_for_a_batch_and_a_slope() -> None:
    predicted = np.stack([talking(30, seed) for seed in range(4)])
    true = np.stack([talking(30, seed + 10) for seed in range(4)])
    tensor = torch.from_numpy(predicted).requires_grad_()
    result = opening_correlation(tensor, torch.from_numpy(true))
    assert result.detach().numpy() == pytest.approx(opening_correlation(predicted, true), abs=1e-12)
    result.sum().backward()
    assert torch.isfinite(present(tensor.grad)).all()
    assert gain(tensor, torch.from_numpy(true)).detach().numpy() == pytest.approx(gain(predicted, true), abs=1e-12)


def test_a_mouth_that_does_not_move_has_no_correlation() -> None:
    assert np.isnan(opening_correlation(np.full(30, 0.1), talking(30)))
    still = torch.full((30,), 0.1, requires_grad=True)
    result = opening_correlation(still, torch.from_numpy(talking(30)).float())
    assert torch.isnan(result)
    assert np.isnan(gain(talking(30), np.full(30, 0.1)))


@pytest.mark.parametrize("lag", [-15, -4, 0, 2, 15])
def test_a_late_mouth_has_a_positive_lag(lag: int) -> None:
    long = talking(120)
    true, predicted = long[20:100], long[20 - lag : 100 - lag]  # predicted[t] shows what was true at t - lag
    agreement = compare_curves(predicted, true)
    assert agreement.best_lag == lag
    assert agreement.best_correlation == pytest.approx(1)
    assert agreement.by_lag[15 + lag] == pytest.approx(lagged_correlation(predicted, true, lag))


def test_lags_with_too_few_shared_frames_are_not_judged() -> None:
    agreement = compare_curves(talking(20), talking(20, 1), maximum_lag=15, minimum_overlap=12)
    judged = np.isfinite(agreement.by_lag)
    assert judged.tolist() == [abs(lag) <= 8 for lag in range(-15, 16)]


def test_curves_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) and \(4,\)"):
        compare_curves(np.zeros(3), np.zeros(4))


def test_pooling_equals_one_long_clip_when_the_means_are_equal() -> None:
    predicted, true = talking(300, 5), talking(300, 5) + 0.3 * talking(300, 6)
    pieces = [(predicted[k : k + 100], true[k : k + 100]) for k in (0, 100, 200)]
    one, other = (np.concatenate([piece[side] - piece[side].mean() for piece in pieces]) for side in (0, 1))
    pooled = pool_curves([(p + 3 * number, q - number) for number, (p, q) in enumerate(pieces)])
    assert pooled.correlation == pytest.approx(np.corrcoef(one, other)[0, 1], abs=1e-9)
    assert pooled.gain == pytest.approx(np.std(one) / np.std(other), abs=1e-9)
    assert pooled.best_lag == 0
    assert pooled.num_frames == 300


def test_the_lag_of_a_group_is_that_of_its_mean_correlation() -> None:
    # Single short clips may scatter; the mean over them does not.
    agreements = []
    for seed in range(12):
        true = talking(30, seed)
        predicted = true + 0.05 * np.random.default_rng(seed + 100).normal(size=30)
        agreements.append(compare_curves(predicted, true))
    assert {each.best_lag for each in agreements} != {0}
    lag, correlation = mean_best_lag(agreements)
    assert lag == 0
    assert correlation == pytest.approx(np.mean([each.correlation for each in agreements]))
