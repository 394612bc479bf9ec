"""Losses of the expert and of the discriminator, against the formulas of their papers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.narrow import present

from visavox.losses.adversarial import feature_distance, real_or_generated
from visavox.losses.sync import cosine_bce, stack_mouths


def unit(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    vectors = rng.random((count, size))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_cosine_bce_is_the_cross_entropy_of_the_cosine() -> None:
    rng = np.random.default_rng(0)
    audio, face, together = unit(rng, 6, 8), unit(rng, 6, 8), np.array([1, 0, 1, 0, 0, 1])
    expected = [-math.log(p if t else 1 - p) for p, t in zip((audio * face).sum(axis=1), together, strict=True)]
    found = cosine_bce(*(torch.from_numpy(part) for part in (audio, face, together)))
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-5)


def test_cosine_bce_of_an_expert_that_cannot_tell_is_ln_2() -> None:
    half = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, math.sqrt(0.75)]])
    for together in (0.0, 1.0):
        assert float(cosine_bce(*half, torch.tensor([together]))) == pytest.approx(math.log(2), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_cosine_bce_stays_finite_where_the_cosine_leaves_its_range(dtype: torch.dtype) -> None:
    one = torch.tensor([[1.0, 0.0]], dtype=dtype, requires_grad=True)
    for other, together in (([1.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.01, 0.0], 1.0)):
        loss = cosine_bce(one, torch.tensor([other], dtype=dtype), torch.tensor([together]))
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(present(one.grad)).all()


def test_stack_mouths_keeps_frames_together() -> None:
    pictures = torch.arange(2 * 3 * 3 * 4 * 5).reshape(2, 3, 3, 4, 5)
    stacked = stack_mouths(pictures)
    assert stacked.shape == (2, 9, 2, 5)
    for frame in range(3):
        for channel in range(3):
            assert torch.equal(stacked[1, 3 * frame + channel], pictures[1, frame, channel, 2:])


def test_real_or_painted() -> None:
    judged = torch.tensor([[0.9], [0.2]])
    assert float(real_or_generated(judged, real=True)) == pytest.approx(-(math.log(0.9) + math.log(0.2)) / 2)
    assert float(real_or_generated(judged, real=False)) == pytest.approx(-(math.log(0.1) + math.log(0.8)) / 2)
    assert torch.isfinite(real_or_generated(torch.tensor([[0.0], [1.0]]), real=True))


def test_feature_distance() -> None:
    one, other = [torch.zeros(1, 2, 2), torch.zeros(3)], [torch.full((1, 2, 2), 3.0), torch.full((3,), -1.0)]
    assert float(feature_distance(one, other)) == pytest.approx(2.0)  # the mean over layers, not over numbers
    painted, truth = torch.ones(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    feature_distance([painted], [truth]).backward()
    assert painted.grad is not None
    assert truth.grad is None
