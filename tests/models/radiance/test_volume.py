from __future__ import annotations

import math

import pytest
import torch

from visavox.models.radiance.volume import (
    Composite,
    Samples,
    composite,
    composite_dense,
    lengths_of,
    resample,
    stratified,
    sum_by_ray,
)

COUNTS = (3, 0, 5, 1, 0)


def ragged(
    counts: list[int] | tuple[int, int, int, int, int], seed: int = 0, dtype: torch.dtype = torch.float64
) -> tuple[Samples, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Samples on rays with so many of them, the same padded to (R, S), and what they hold."""
    generator = torch.Generator().manual_seed(seed)
    ray = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    length = torch.rand(len(ray), generator=generator, dtype=dtype) + 0.1
    density = torch.rand(len(ray), generator=generator, dtype=dtype) * 3
    color = torch.rand(len(ray), 3, generator=generator, dtype=dtype)
    background = torch.rand(len(counts), 3, generator=generator, dtype=dtype)
    return Samples(ray, torch.zeros_like(length), length, len(counts)), density, color, background


def padded(samples: Samples, values: torch.Tensor, counts: tuple[int, int, int, int, int]) -> torch.Tensor:
    whole = values.new_zeros(len(counts), max(counts), *values.shape[1:])
    for number, count in enumerate(counts):
        whole[number, :count] = values[samples.ray == number]
    return whole


def composite_padded(
    samples: Samples, density: torch.Tensor, color: torch.Tensor, background: torch.Tensor
) -> Composite:
    """Composite samples on rays of `COUNTS` as those of a dense picture."""
    densities, colors, lengths = (padded(samples, part, COUNTS) for part in (density, color, samples.length))
    return composite_dense(densities, colors, lengths, background)


@pytest.mark.parametrize("samples", [1, 7, 64])
def test_constant_density_lets_through_what_the_formula_says(samples: int) -> None:
    density, depth = 0.35, 6.0
    length = torch.full((1, samples), depth / samples, dtype=torch.float64)
    color, background = torch.tensor([1.0, 0.5, 0.0]).double(), torch.tensor([0.0, 0.0, 1.0]).double()
    seen = composite_dense(
        torch.full_like(length, density), color.expand(1, samples, 3), length, background.expand(1, 3)
    )
    through = math.exp(-density * depth)
    assert float(1 - seen.opacity) == pytest.approx(through, abs=1e-12)
    assert torch.allclose(seen.color[0], (1 - through) * color + through * background)


def test_what_is_in_front_is_seen() -> None:
    opaque = torch.tensor([[0.0, 1e6, 1e6]])
    color = torch.eye(3)[None]
    seen = composite_dense(opaque, color, torch.ones(1, 3), torch.ones(1, 3))
    assert torch.allclose(seen.color, torch.tensor([[0.0, 1.0, 0.0]]))
    half = math.log(2)
    seen = composite_dense(torch.full((1, 3), half), color, torch.ones(1, 3), torch.zeros(1, 3))
    assert torch.allclose(seen.color, torch.tensor([[0.5, 0.25, 0.125]]))


def test_compacted_samples_give_the_numbers_of_dense_ones() -> None:
    samples, density, color, background = ragged(COUNTS)
    one = composite(samples, density, color, background)
    other = composite_padded(samples, density, color, background)
    assert torch.allclose(one.color, other.color)
    assert torch.allclose(one.opacity, other.opacity)
    assert torch.allclose(padded(samples, one.weights, COUNTS), other.weights)
    assert torch.allclose(sum_by_ray(samples, one.weights), one.opacity)
    assert torch.equal(one.color[[1, 4]], background[[1, 4]])  # rays without samples


def test_no_ray_drowns_in_those_before_it() -> None:
    counts = [16] * 40_000
    samples, density, color, background = ragged(counts, dtype=torch.float32)
    density *= 1000
    density[-16:] /= 10_000
    last = slice(len(density) - 16, None)
    alone = composite_dense(density[last][None], color[last][None], samples.length[last][None], background[-1:])
    together = composite(samples, density, color, background)
    assert torch.allclose(together.color[-1:], alone.color, atol=1e-5)


def test_gradients_are_those_of_finite_differences() -> None:
    samples, density, color, background = ragged(COUNTS)
    inputs = [tensor.requires_grad_() for tensor in (density, color, background)]

    def compacted(*parts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return composite(samples, *parts)[:2]

    def dense(*parts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return composite_padded(samples, *parts)[:2]

    assert torch.autograd.gradcheck(compacted, inputs)
    assert torch.autograd.gradcheck(dense, inputs)


def test_stratified_samples_fill_the_ray() -> None:
    near, far = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.0])
    distance, length = stratified(near, far, 4, None)
    assert torch.allclose(distance, torch.tensor([[1.25, 1.75, 2.25, 2.75], [2.0] * 4]))
    assert torch.allclose(length.sum(dim=1), far - near)
    shaken, _ = stratified(near, far, 4, torch.Generator().manual_seed(0))
    assert (((shaken - 1.0) / 0.5).floor()[0] == torch.arange(4)).all()


def test_fine_samples_lie_where_the_light_comes_from() -> None:
    distance = torch.linspace(0, 10, 21).expand(1, 21)
    weights = torch.exp(-(((distance - 6.3) / 0.4) ** 2))
    fine = resample(distance, weights, 500, None)
    assert (fine[:, 1:] >= fine[:, :-1]).all()
    assert float(fine.mean()) == pytest.approx(6.3, abs=0.05)
    assert float((fine - 6.3).abs().quantile(0.9)) < 0.8
    assert torch.isfinite(resample(distance, torch.zeros_like(weights), 10, None)).all()


def test_uneven_lengths_fill_the_ray() -> None:
    distance = torch.tensor([[1.5, 2.0, 4.0]])
    assert torch.allclose(
        lengths_of(distance, torch.tensor([1.0]), torch.tensor([5.0])), torch.tensor([[0.75, 1.25, 2.0]])
    )
