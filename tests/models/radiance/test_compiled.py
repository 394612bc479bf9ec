"""Compiled heads and torsos: whole graphs, the same numbers.

The graphs are those that a CUDA device would get; what is run of them here is the backend that computes each operation
by itself, which needs no compiler.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import InputError
from visavox.models.radiance.compiled import check_compiler, compile_networks
from visavox.models.radiance.field import Condition, Views
from visavox.models.radiance.frequency_field import FrequencyFieldConfig
from visavox.models.radiance.grid_field import GridFieldConfig
from visavox.models.radiance.head import Head, HeadConfig
from visavox.models.radiance.landmark_encoder import LandmarkEncoderConfig
from visavox.models.radiance.rays import Camera
from visavox.models.radiance.torso import DeformationConfig, Torso, TorsoConfig, TorsoQuery

Network = TypeVar("Network", Head, Torso)
LANDMARKS = LandmarkEncoderConfig(width=8, size=4, window=3)
GRID = GridFieldConfig(channels=2, resolution=8, motion_resolution=4, motion_width=4, width=8, shape=3)
FREQUENCY = FrequencyFieldConfig(width=16, layers=4, color_width=8, coarse_samples=4, fine_samples=4)
CONFIGS = {
    "grid": HeadConfig(grid=GRID, landmarks=LANDMARKS, cells=8),
    "hash": HeadConfig(grid=GridFieldConfig(grid="hash", width=8, shape=3), landmarks=LANDMARKS, cells=8),
    "frequency": HeadConfig(kind="frequency", frequency=FREQUENCY, landmarks=LANDMARKS),
}
TORSO = TorsoConfig(
    deformation=DeformationConfig(place_octaves=2, pose_octaves=1, width=8, channels=2, resolution=8, color_width=8),
    head_code=4,
)


@pytest.fixture(autouse=True)
def _nothing_is_compiled_twice() -> Iterator[None]:
    """A network that met another number of samples or pixels and was compiled anew for it would be an error."""
    torch._dynamo.reset()
    with torch._dynamo.config.patch(error_on_recompile=True):
        yield
    torch._dynamo.reset()


def pair(network: Network, device: str = "cpu", backend: str = "aot_eager") -> tuple[Network, Network]:
    """A network that learned nothing, but does something, and the same one compiled."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    network = network.to(device)
    compiled = copy.deepcopy(network)
    compile_networks(compiled, backend=backend)
    return network, compiled


def samples(count: int, rays: int = 50, faces: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Places (count, 3), their rays (count,), and the faces that the rays see (rays,)."""
    generator = torch.Generator().manual_seed(count)
    places = 8 * torch.rand(count, 3, generator=generator) - 4
    ray = torch.randint(rays, (count,), generator=generator).sort().values
    return places, ray, torch.arange(rays) % faces


def gradients(network: nn.Module) -> list[Tensor]:
    return [one.grad for one in network.parameters() if one.grad is not None]


def radiated(head: Head, count: int, device: str) -> list[Tensor]:
    """Density, colour, change, and the gradients of what they add up to."""
    head.zero_grad()
    places, ray, face = (part.to(device) for part in samples(count))
    directions = nn.functional.normalize(places[: len(face)] + 9, dim=1)
    codes = torch.linspace(-1, 1, 2 * LANDMARKS.size, device=device).view(2, -1)
    views = Views(directions, face, Condition(codes, torch.ones(2, head.config.appearance, device=device)))
    radiance = head.field(places, ray, views)
    (radiance.density.clamp(max=3).sum() + (radiance.color**2).sum() + radiance.change.sum()).backward()
    return [
        *(part.detach() for part in radiance),
        *gradients(head.field),
    ]


def painted(torso: Torso, count: int, device: str) -> list[Tensor]:
    """Colour, opacity, and the gradients of what they add up to."""
    torso.zero_grad()
    places, _, _ = samples(count)
    pixels, head = (places[:, :2] + 4).to(device), (places.abs() / 4).to(device)
    head = torch.cat([head, head[:, :1]], dim=1)
    face = torch.arange(count, device=device) % 2
    turns = torch.eye(3, device=device).expand(2, 3, 3)
    windows, frames = torch.zeros(2, 3, 68, 3, device=device), torch.zeros(2, dtype=torch.long, device=device)
    query = TorsoQuery(pixels, face, turns, places[:2].to(device), windows, frames, head)
    seen = torso(query, Camera(10.0, (3.5, 3.5), (8, 8)))
    ((seen.color**2).sum() + seen.opacity.sum()).backward()
    return [
        seen.color.detach(),
        seen.opacity.detach(),
        *gradients(torso),
    ]


def close(ours: list[Tensor], theirs: list[Tensor], tolerance: float) -> None:
    assert len(ours) == len(theirs) > 4
    for one, other in zip(ours, theirs, strict=True):
        assert (one - other).abs().max() <= tolerance * max(1.0, float(one.abs().max()))


@pytest.mark.parametrize(
    "kind", ["grid", pytest.param("hash", marks=pytest.mark.slow), pytest.param("frequency", marks=pytest.mark.slow)]
)
def test_a_field_is_one_graph_for_any_number_of_samples(kind: str) -> None:
    plain, compiled = pair(Head(CONFIGS[kind]))
    for count in (100, 170):
        close(radiated(plain, count, "cpu"), radiated(compiled, count, "cpu"), 1e-5)
    assert plain.state_dict().keys() == compiled.state_dict().keys()


@pytest.mark.slow
def test_a_torso_is_one_graph_for_any_number_of_pixels() -> None:
    plain, compiled = pair(Torso(TORSO))
    for count in (60, 90):
        close(painted(plain, count, "cpu"), painted(compiled, count, "cpu"), 1e-5)


@pytest.mark.slow
def test_a_picture_of_compiled_networks_is_the_same() -> None:
    (head, fast_head), (torso, fast_torso) = pair(Head(CONFIGS["grid"])), pair(Torso(TORSO))
    turn, place, window = torch.eye(3), torch.tensor([0.0, 0.0, -60.0]), torch.zeros(3, 68, 3)
    camera, scene = Camera(20.0, (7.5, 7.5), (16, 16)), torch.full((16, 16, 3), 0.5)
    picture = torso.render_frame(head, camera, turn, place, window, scene)
    compiled = fast_torso.render_frame(fast_head, camera, turn, place, window, scene)
    assert picture.num_samples > 0
    assert (picture.color - compiled.color).abs().max() < 1e-5


def test_where_compiling_makes_no_sense_it_is_said() -> None:
    with pytest.raises(InputError, match="--compile was given, and the device is cpu, on which .* leave it out"):
        check_compiler("cpu")


@pytest.mark.gpu
@pytest.mark.parametrize("kind", list(CONFIGS))
def test_on_cuda_a_compiled_field_gives_the_same(kind: str) -> None:
    plain, compiled = pair(Head(CONFIGS[kind]), "cuda", "inductor")
    for count in (1024, 3072):
        close(radiated(plain, count, "cuda"), radiated(compiled, count, "cuda"), 1e-3)


@pytest.mark.gpu
def test_on_cuda_a_compiled_torso_gives_the_same() -> None:
    plain, compiled = pair(Torso(TORSO), "cuda", "inductor")
    for count in (1000, 3000):
        close(painted(plain, count, "cuda"), painted(compiled, count, "cuda"), 1e-3)
