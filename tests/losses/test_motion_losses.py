"""The losses of motion: what they count, and what the mask keeps out."""

from __future__ import annotations

import pytest
import torch

from visavox.losses.motion import (
    continuity_loss,
    divergence_loss,
    gap_loss,
    masked_mean,
    reconstruction_loss,
    sync_loss,
)

MASK = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
WEIGHTS = torch.tensor([1.0, 3.0])


def motions() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(2, 4, 2), torch.randn(2, 4, 2)


def test_what_is_masked_does_not_count() -> None:
    predicted, true = motions()
    other = predicted.clone()
    other[0, 3] += 100
    for loss in (reconstruction_loss, continuity_loss):
        assert torch.equal(loss(predicted, true, WEIGHTS, MASK), loss(other, true, WEIGHTS, MASK))


def test_reconstruction_by_hand() -> None:
    predicted = torch.zeros(1, 2, 2)
    true = torch.tensor([[[1.0, 2.0], [0.0, 0.0]]])
    assert float(reconstruction_loss(predicted, true, WEIGHTS, torch.ones(1, 2))) == pytest.approx((1 + 12) / 2 / 2)


def test_continuity_forgives_an_offset_but_for_the_first_frame() -> None:
    _, true = motions()
    shifted = true + 0.5
    assert float(continuity_loss(true, true, WEIGHTS, MASK)) == 0
    assert float(continuity_loss(shifted, true, WEIGHTS, MASK)) == pytest.approx(0.25 * 2)
    trembling = true + 0.5 * torch.tensor([1.0, -1.0, 1.0, -1.0])[None, :, None]
    assert float(continuity_loss(trembling, true, WEIGHTS, MASK)) == pytest.approx(0.25 * 2 + 2)


def test_means_over_the_mask() -> None:
    values = torch.tensor([[1.0, 2.0, 3.0, 50.0], [4.0, 5.0, 6.0, 7.0]])
    assert float(masked_mean(values, MASK)) == pytest.approx(28 / 7)
    assert float(divergence_loss(values, MASK, 4)) == pytest.approx(1.0)
    assert float(gap_loss(values, values + 2, MASK)) == pytest.approx(4.0)


class Judge:
    """Finds everything in sync but the window that begins in frame 2."""

    def agreement(self, features: torch.Tensor, expression: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[1.0, 1.0, 0.5], [1.0, 1.0, 0.5]])


def test_windows_beyond_the_mask_are_not_judged() -> None:
    features, expression = torch.zeros(2, 8, 3), torch.zeros(2, 4, 68, 3)
    whole = sync_loss(Judge(), features, expression, torch.ones(2, 4))
    assert float(whole) == pytest.approx(0.6931 * 2 / 6, abs=1e-3)
    # Windows of two frames: in the first sequence the last one reaches frame 3, which does not exist.
    assert float(sync_loss(Judge(), features, expression, MASK)) == pytest.approx(0.6931 / 5, abs=1e-3)
