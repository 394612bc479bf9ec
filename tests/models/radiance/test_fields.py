from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from tests.narrow import part, present

from visavox.models.radiance.field import (
    Condition,
    ConditionedLinear,
    Views,
    encoded_size,
    frequency_encoding,
    spherical_harmonics,
)
from visavox.models.radiance.frequency_field import FrequencyField, FrequencyFieldConfig
from visavox.models.radiance.grid_field import GridField, GridFieldConfig, HashGrid, Planes, TriPlane

BOX = ((-10.0, -12.0, -15.0), (10.0, 12.0, 5.0))
SMALL = GridFieldConfig(channels=4, resolution=16, motion_resolution=8, motion_width=8, width=16, shape=7)
FIELDS: dict[str, Callable[[], FrequencyField | GridField]] = {
    "planes": lambda: GridField(SMALL, *BOX, 6, 3),
    "hash": lambda: GridField(GridFieldConfig(grid="hash", width=16, shape=7, direction="frequency"), *BOX, 6, 3),
    "no ambient": lambda: GridField(GridFieldConfig(channels=4, resolution=16, ambient=0), *BOX, 6, 3),
    "frequency": lambda: FrequencyField(FrequencyFieldConfig(width=16, layers=4, color_width=8), *BOX, 6, 3),
}


def query(faces: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, Views]:
    generator = torch.Generator().manual_seed(seed)
    points = (torch.rand(12, 3, generator=generator) - 0.5) * 16
    ray = torch.arange(6).repeat_interleave(2)
    directions = torch.nn.functional.normalize(torch.randn(6, 3, generator=generator), dim=1)
    condition = Condition(torch.randn(faces, 6, generator=generator), torch.randn(faces, 3, generator=generator))
    return points, ray, Views(directions, torch.arange(6) % faces, condition)


@pytest.fixture(params=FIELDS)
def field(request: pytest.FixtureRequest) -> FrequencyField | GridField:
    torch.manual_seed(0)
    return FIELDS[request.param]()


def test_each_sample_is_of_its_own_face_and_ray(field: FrequencyField | GridField) -> None:
    points, ray, views = query()
    together = field(points, ray, views)
    for number in range(6):
        mine, face = ray == number, int(present(views.face)[number])
        one = Condition(*(code[face : face + 1] for code in views.condition))
        alone = field(points[mine], torch.zeros(2, dtype=torch.long), Views(views.directions[number][None], None, one))
        for whole, its_own in zip(together, alone, strict=True):
            assert torch.allclose(whole[mine], its_own, atol=1e-6)
        assert torch.allclose(field.density(points[mine], one), together.density[mine], atol=1e-6)


def test_what_rays_share_may_be_worked_out_before(field: FrequencyField | GridField) -> None:
    points, ray, views = query()
    prepared = field.prepare(views)
    assert field.prepare(prepared) is prepared
    for one, other in zip(field(points, ray, views), field(points, ray, prepared), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_what_comes_out_is_in_range(field: FrequencyField | GridField) -> None:
    seen = field(*query())
    assert (seen.density >= 0).all()
    assert ((seen.color >= 0) & (seen.color <= 1)).all()
    assert (seen.change >= 0).all()


def test_landmarks_direction_and_appearance_matter(field: FrequencyField | GridField) -> None:
    points, ray, views = query()
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    before = field(points, ray, views)
    moved = views._replace(condition=views.condition._replace(motion=views.condition.motion + 1))
    assert not torch.allclose(field(points, ray, moved).density, before.density)
    turned = field(points, ray, views._replace(directions=-views.directions))
    assert torch.equal(turned.density, before.density)
    assert not torch.allclose(turned.color, before.color)
    other = views._replace(condition=views.condition._replace(appearance=views.condition.appearance + 1))
    assert not torch.allclose(field(points, ray, other).color, before.color)


def test_every_parameter_learns_and_is_in_one_group(field: FrequencyField | GridField) -> None:
    seen = field(*query())
    (seen.density.sum() + (seen.color**2).sum()).backward()
    for name, parameter in field.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name
    listed = [id(parameter) for group in field.parameter_groups() for parameter in group["params"]]
    assert sorted(listed) == sorted(id(parameter) for parameter in field.parameters())


def test_gradients_of_a_field_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    field = GridField(SMALL, *BOX, 6, 3)
    for parameter in field.parameters():
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    points, ray, views = query()
    chosen = [part(field, "grid.planes", Planes).values, field.motion_first.shared.weight, field.color_last.weight]
    seen = field(points, ray, views)
    gradients = torch.autograd.grad(seen.color.sum() + seen.density.log().sum(), chosen)
    for weight, gradient in zip(chosen, gradients, strict=True):
        direction = gradient / gradient.norm()
        values = []
        for step in (1e-3, -1e-3):
            weight.data.add_(step * direction)
            with torch.no_grad():
                seen = field(points, ray, views)
            values.append(float(seen.color.double().sum() + seen.density.double().log().sum()))
            weight.data.sub_(step * direction)
        assert (values[0] - values[1]) / 2e-3 == pytest.approx(float(gradient.norm()), rel=0.05)


def test_frequencies() -> None:
    encoded = frequency_encoding(torch.tensor([[0.25, -1.0]]), 2)
    assert encoded.shape == (1, encoded_size(2, 2))
    expected = [0.25, -1.0, math.sin(math.pi / 4), 1.0, 0.0, 0.0, math.cos(math.pi / 4), 0.0, -1.0, 1.0]
    assert torch.allclose(encoded, torch.tensor([expected]), atol=1e-6)


def test_spherical_harmonics_are_orthonormal() -> None:
    directions = torch.nn.functional.normalize(
        torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )
    harmonics = spherical_harmonics(directions)
    gram = 4 * math.pi * harmonics.T @ harmonics / len(directions)
    assert torch.allclose(gram, torch.eye(9), atol=0.03)


def test_a_conditioned_layer_is_one_layer_of_both() -> None:
    layer = ConditionedLinear(3, 2, 4)
    own, shared, owner = torch.randn(5, 3), torch.randn(2, 2), torch.tensor([0, 1, 1, 0, 1])
    weight = torch.cat([layer.own.weight, layer.shared.weight], dim=1)
    expected = torch.cat([own, shared[owner]], dim=1) @ weight.T + layer.own.bias
    assert torch.allclose(layer(own, shared, owner), expected, atol=1e-6)


def test_planes_are_read_between_their_points() -> None:
    planes = Planes(1, 1, 3)
    values = torch.arange(9.0).view(1, 3, 3, 1)
    planes.values.data.copy_(values)
    places = torch.tensor([[[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [0.5, 0.0], [9.0, 9.0]]])
    assert planes(places)[:, 0].tolist() == pytest.approx([0.0, 2.0, 6.0, 4.5, 8.0])


def test_each_plane_sees_two_coordinates() -> None:
    grid = TriPlane(1, 4)
    grid.planes.values.data.normal_()
    place = torch.tensor([[0.1, 0.2, 0.3]])
    before = grid(place)
    for axis, unmoved in ((0, 2), (1, 1), (2, 0)):
        moved = place.clone()
        moved[0, axis] += 0.3
        assert (grid(moved) == before)[0].tolist() == [number == unmoved for number in range(3)]


def test_a_hash_grid_is_linear_between_its_points() -> None:
    grid = HashGrid(levels=2, channels=2, coarsest=4, finest=64, table=2**10)
    grid.values.data.normal_()
    assert grid.resolutions == [4, 64]
    for resolution, columns in ((4, slice(0, 2)), (64, slice(2, 4))):
        corner = torch.tensor([[1.0, 2.0, 0.0], [2.0, 2.0, 0.0], [1.25, 2.0, 0.0]]) / (resolution - 1) * 2 - 1
        one, other, between = grid(corner)[:, columns]
        assert torch.allclose(between, 0.75 * one + 0.25 * other, atol=1e-4)
    edge = grid(torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]]))
    assert torch.isfinite(edge).all()
