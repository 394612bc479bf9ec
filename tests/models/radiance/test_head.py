from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.narrow import present

from visavox.models.radiance.field import Radiance, Views
from visavox.models.radiance.frequency_field import FrequencyFieldConfig
from visavox.models.radiance.grid_field import GridFieldConfig
from visavox.models.radiance.head import Head, HeadConfig
from visavox.models.radiance.landmark_encoder import LandmarkEncoder, LandmarkEncoderConfig
from visavox.models.radiance.rays import Camera, Rays, cast_rays, pixel_grid, project
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.weights_file import ModelCard

GRID = HeadConfig(
    grid=GridFieldConfig(channels=2, resolution=8, motion_resolution=4, motion_width=4, width=8, shape=3),
    landmarks=LandmarkEncoderConfig(width=8, size=4, window=3),
    step=0.5,
    cells=16,
    num_frames=5,
)
FREQUENCY = replace(
    GRID,
    kind="frequency",
    frequency=FrequencyFieldConfig(width=8, layers=2, color_width=8, color_layers=1, coarse_samples=8, fine_samples=8),
)
CAMERA = Camera(40.0, (15.5, 15.5), (32, 32))
POSE = (torch.eye(3), torch.tensor([0.0, 0.0, -50.0]))
WINDOW = torch.randn(3, 68, 3, generator=torch.Generator().manual_seed(0))
BACKGROUND = torch.rand(32, 32, 3, generator=torch.Generator().manual_seed(1))


def a_head(config: HeadConfig) -> Head:
    torch.manual_seed(0)
    head = Head(config).eval()
    for parameter in head.field.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    return head


def whole_picture(head: Head) -> tuple[Rays, Views, torch.Tensor]:
    origins, directions = cast_rays(CAMERA, pixel_grid((0, 0, 32, 32)), *POSE)
    views = Views(directions, None, head.condition(WINDOW[None]))
    return head.rays(origins, directions), views, BACKGROUND.view(-1, 3)


@pytest.fixture
def ball(monkeypatch: pytest.MonkeyPatch) -> Head:
    """A head whose density is that of a ball, so that there is something to skip."""
    head = a_head(replace(GRID, max_samples=200))

    def density(points: torch.Tensor) -> torch.Tensor:
        return 8.0 * ((points - torch.tensor([0.0, 0.0, -5.0])).square().sum(dim=1) < 8**2)

    plain = head.field.forward
    monkeypatch.setattr(
        head.field, "forward", lambda points, ray, views: Radiance(density(points), *plain(points, ray, views)[1:])
    )
    monkeypatch.setattr(head.field, "density", lambda points, condition: density(points))
    head.refresh_occupancy(WINDOW[None])
    return head


def test_a_picture_is_what_its_rays_see(ball: Head) -> None:
    rays, views, background = whole_picture(ball)
    seen = ball(rays, views, background)
    picture = ball.render_frame(CAMERA, *POSE, WINDOW, BACKGROUND)
    assert 0.1 < float(seen.opacity.mean()) < 0.5
    assert float((picture.color.view(-1, 3) - seen.color).detach().abs().max()) < 0.02  # bfloat16
    assert float((picture.opacity.view(-1) - seen.opacity).detach().abs().max()) < 0.02
    outside = picture.opacity == 0
    assert torch.equal(picture.color[outside], BACKGROUND[outside])


@pytest.mark.parametrize("stop", [1e-3, 0.05, 0.3])
def test_stopping_early_is_no_further_off_than_the_light_that_is_left(ball: Head, stop: float) -> None:
    rays, views, background = whole_picture(ball)
    with torch.no_grad():
        exact = ball(rays, views, background)
    short = ball.render_rays(rays, views, background, stop=stop)
    assert float((short.color - exact.color).abs().max()) <= stop + 1e-5
    assert float((ball.render_rays(rays, views, background, stop=0.0).color - exact.color).abs().max()) < 1e-5
    assert short.num_samples < exact.num_samples


def test_rays_are_cast_only_where_a_head_can_be(ball: Head) -> None:
    picture = ball.render_frame(CAMERA, *POSE, WINDOW, BACKGROUND)
    assert picture.num_rays < 0.6 * 32 * 32
    assert picture.num_samples < 8 * picture.num_rays


def test_a_head_outside_the_picture_leaves_the_background(ball: Head) -> None:
    picture = ball.render_frame(CAMERA, POSE[0], torch.tensor([300.0, 0.0, -50.0]), WINDOW, BACKGROUND)
    assert torch.equal(picture.color, BACKGROUND)
    assert picture.num_rays == 0


def test_the_ball_is_painted_where_the_camera_sees_it(ball: Head) -> None:
    turned = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    translation = torch.tensor([4.0, 3.0, -60.0])
    opacity = ball.render_frame(CAMERA, turned, translation, WINDOW, BACKGROUND).opacity
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    center = torch.stack([(opacity * x).sum(), (opacity * y).sum()]) / opacity.sum()
    assert torch.allclose(center, project(CAMERA, torch.tensor([0.0, 0.0, -5.0]), turned, translation), atol=0.5)


@pytest.mark.parametrize("config", [GRID, FREQUENCY], ids=["grid", "frequency"])
def test_everything_learns_from_colors(config: HeadConfig) -> None:
    head = a_head(config).train()
    origins, directions = cast_rays(CAMERA, pixel_grid((8, 8, 24, 24)), *POSE)
    face = torch.arange(256) % 2
    views = Views(directions, face, head.condition(torch.stack([WINDOW, -WINDOW]), torch.tensor([0, 3])))
    seen = head(head.rays(origins, directions), views, torch.rand(256, 3), torch.Generator().manual_seed(0))
    loss = (seen.color**2).sum() + (0 if seen.coarse is None else (seen.coarse**2).sum()) + seen.change.sum()
    loss.backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name
    assert present(head.appearance.grad).abs().sum(dim=1).bool().tolist() == [True, False, False, True, False]
    listed = [id(parameter) for group in head.parameter_groups() for parameter in group["params"]]
    assert sorted(listed) == sorted(id(parameter) for parameter in head.parameters())


@pytest.mark.parametrize("config", [GRID, FREQUENCY], ids=["grid", "frequency"])
def test_a_stored_head_paints_the_same(config: HeadConfig, tmp_path: Path) -> None:
    head = a_head(config)
    head.refresh_occupancy(WINDOW[None])
    card = ModelCard("a head", "none", "none")
    save_model(tmp_path / "head.safetensors", head, card)
    loaded = load_model(tmp_path / "head.safetensors", Head)
    assert loaded.config == config
    one, other = (each.render_frame(CAMERA, *POSE, WINDOW, BACKGROUND) for each in (head, loaded))
    assert torch.equal(one.color, other.color)
    assert float(one.opacity.max()) > 0.01


def test_the_encoder_tells_the_person_in_their_own_deviations() -> None:
    encoder = LandmarkEncoder(LandmarkEncoderConfig(window=3))
    landmarks = torch.randn(100, 68, 3) * 0.3 + 2
    encoder.set_statistics(landmarks)
    windows = landmarks[:6].view(2, 3, 68, 3)
    before = encoder(windows)
    encoder.set_statistics(landmarks * 2)
    assert torch.allclose(encoder(windows * 2), before, atol=1e-4)
    far, further = windows.clone(), windows.clone()
    far[:, :, 60, 1], further[:, :, 60, 1] = 50.0, 500.0
    assert torch.equal(encoder(far), encoder(further))


def test_attention_looks_around_and_a_window_of_one_does_not() -> None:
    encoder = LandmarkEncoder(LandmarkEncoderConfig(window=5))
    windows = torch.randn(1, 5, 68, 3)
    other = windows.clone()
    other[:, 1] += 1
    assert not torch.allclose(encoder(windows), encoder(other))
    alone = LandmarkEncoder(LandmarkEncoderConfig(window=1))
    assert alone(windows[:, :1]).shape == (1, 64)


def test_the_jaw_can_be_left_out() -> None:
    encoder = LandmarkEncoder(LandmarkEncoderConfig(points="mouth_eyes", window=1))
    windows = torch.randn(1, 1, 68, 3)
    jaw, lips = windows.clone(), windows.clone()
    jaw[:, :, :17] += 1
    lips[:, :, 60:] += 1
    assert torch.equal(encoder(windows), encoder(jaw))
    assert not torch.equal(encoder(windows), encoder(lips))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: HeadConfig(low=(0.0, 0.0, 9.0)),
        lambda: HeadConfig(step=0.0),
        lambda: LandmarkEncoderConfig(window=4),
        lambda: GridFieldConfig(ambient=3),
        lambda: FrequencyFieldConfig(layers=1),
    ],
)
def test_sizes_that_mean_nothing_are_refused(wrong: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="give|inside"):
        wrong()
