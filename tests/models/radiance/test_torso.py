from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.narrow import present

from visavox.models.radiance.frequency_field import FrequencyFieldConfig
from visavox.models.radiance.grid_field import GridFieldConfig
from visavox.models.radiance.head import Head, HeadConfig
from visavox.models.radiance.landmark_encoder import LandmarkEncoderConfig
from visavox.models.radiance.rays import Camera
from visavox.models.radiance.torso import DeformationConfig, Torso, TorsoConfig, TorsoQuery, TorsoView
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.weights_file import ModelCard

LANDMARKS = LandmarkEncoderConfig(width=8, size=4, window=3)
DEFORMATION = TorsoConfig(
    deformation=DeformationConfig(place_octaves=2, pose_octaves=1, width=8, channels=2, resolution=8, color_width=8),
    landmarks=LANDMARKS,
    head_code=4,
    num_frames=5,
)
RADIANCE = replace(
    DEFORMATION,
    kind="radiance",
    radiance=FrequencyFieldConfig(width=8, layers=2, color_width=8, color_layers=1, coarse_samples=8, fine_samples=8),
)
CAMERA = Camera(30.0, (11.5, 11.5), (24, 24))
WINDOW = torch.randn(3, 68, 3, generator=torch.Generator().manual_seed(0))
POSE = (torch.eye(3), torch.tensor([0.0, 3.0, -50.0]))


def a_torso(config: TorsoConfig) -> Torso:
    torch.manual_seed(0)
    torso = Torso(config).eval()
    for parameter in torso.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return torso


def query(count: int = 20, faces: int = 2) -> TorsoQuery:
    generator = torch.Generator().manual_seed(1)
    translations = torch.randn(faces, 3, generator=generator) + POSE[1]
    alpha = torch.rand(count, 1, generator=generator)
    head = torch.cat([alpha * torch.rand(count, 3, generator=generator), alpha], dim=1)
    return TorsoQuery(
        torch.rand(count, 2, generator=generator) * 23,
        torch.arange(count) % faces,
        torch.eye(3).expand(faces, 3, 3),
        translations,
        WINDOW.expand(faces, 3, 68, 3),
        torch.arange(faces),
        head,
    )


@pytest.fixture(params=[DEFORMATION, RADIANCE], ids=["deformation", "radiance"])
def config(request: pytest.FixtureRequest) -> TorsoConfig:
    assert isinstance(request.param, TorsoConfig)
    return request.param


def test_the_head_is_in_front_of_the_moved_picture_and_behind_the_radiance_field() -> None:
    seen = TorsoView(torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([1.0]))
    head, background = torch.tensor([[0.5, 0.0, 0.0, 0.5]]), torch.tensor([[0.0, 0.0, 1.0]])
    assert torch.allclose(a_torso(DEFORMATION).compose(seen, head, background), torch.tensor([[0.5, 0.5, 0.0]]))
    assert torch.allclose(a_torso(RADIANCE).compose(seen, head, background), torch.tensor([[0.0, 1.0, 0.0]]))


def test_without_torso_there_are_head_and_background(config: TorsoConfig) -> None:
    seen = TorsoView(torch.rand(1, 3), torch.zeros(1))
    head, background = torch.tensor([[0.5, 0.0, 0.0, 0.5]]), torch.tensor([[0.0, 0.0, 1.0]])
    assert torch.allclose(a_torso(config).compose(seen, head, background), torch.tensor([[0.5, 0.0, 0.5]]))


def test_pose_head_and_pixel_matter(config: TorsoConfig) -> None:
    torso, asked = a_torso(config), query()
    before = torso(asked, CAMERA)
    for changed in (
        asked._replace(translations=asked.translations + 1),
        asked._replace(head=1 - asked.head),
        asked._replace(pixels=23 - asked.pixels),
    ):
        after = torso(changed, CAMERA)
        assert not torch.allclose(after.color, before.color, atol=1e-5)


def test_a_torso_that_is_not_told_of_the_head_does_not_know_it(config: TorsoConfig) -> None:
    torso, asked = a_torso(replace(config, head_aware=False)), query()
    before, after = torso(asked, CAMERA), torso(asked._replace(head=1 - asked.head), CAMERA)
    assert torch.equal(before.color, after.color)


def test_the_landmarks_matter_to_the_radiance_field() -> None:
    torso, asked = a_torso(RADIANCE), query()
    after = torso(asked._replace(windows=asked.windows + 0.5), CAMERA)
    assert not torch.allclose(after.color, torso(asked, CAMERA).color, atol=1e-6)


def test_faces_do_not_mix(config: TorsoConfig) -> None:
    torso, asked = a_torso(config), query()
    whole = torso(asked, CAMERA)
    for face in range(2):
        mine, own = asked.face == face, slice(face, face + 1)
        one = TorsoQuery(
            asked.pixels[mine],
            None,
            asked.rotations[own],
            asked.translations[own],
            asked.windows[own],
            present(asked.frames)[own],
            asked.head[mine],
        )
        alone = torso(one, CAMERA)
        assert torch.allclose(alone.color, whole.color[mine], atol=1e-5)
        assert torch.allclose(alone.opacity, whole.opacity[mine], atol=1e-5)


def test_everything_learns_and_is_in_one_group(config: TorsoConfig) -> None:
    torso = a_torso(config).train()
    asked = query()
    seen = torso(asked, CAMERA, torch.Generator().manual_seed(0))
    background = torch.rand(20, 3)
    views = [view for view in (seen, seen.coarse) if view is not None]
    torch.stack([torso.compose(view, asked.head, background) for view in views]).square().sum().backward()
    for name, parameter in torso.named_parameters():
        if name != "appearance" or config.kind == "deformation":
            assert parameter.grad is not None, name
            assert float(parameter.grad.abs().sum()) > 0, name
    listed = [id(parameter) for group in torso.parameter_groups() for parameter in group["params"]]
    assert sorted(listed) == sorted(id(parameter) for parameter in torso.parameters())


def test_the_head_is_withheld_half_of_the_time() -> None:
    torso, head = a_torso(DEFORMATION), query().head
    torch.manual_seed(0)
    told = [torso.withhold(head) for _ in range(40)]
    kept = sum(torch.equal(one, head) for one in told)
    assert 10 < kept < 30
    assert sum(not one.any() for one in told) == 40 - kept
    alone = a_torso(replace(DEFORMATION, head_aware=False))
    assert all(torch.equal(alone.withhold(head), head) for _ in range(10))


def test_nothing_is_painted_where_no_torso_was_ever_seen(tmp_path: Path) -> None:
    head = Head(HeadConfig(grid=GridFieldConfig(channels=2, resolution=8), landmarks=LANDMARKS, cells=8)).eval()
    torso = a_torso(DEFORMATION)
    masks = torch.zeros(3, 24, 24)
    masks[1, 18:] = 1
    torso.set_support(masks)
    background = torch.rand(24, 24, 3)
    alone = head.render_frame(CAMERA, *POSE, WINDOW, background)
    picture = torso.render_frame(head, CAMERA, *POSE, WINDOW, background)
    assert torch.allclose(picture.color[:14], alone.color[:14], atol=0.02)
    assert not torch.allclose(picture.color[18:], alone.color[18:], atol=0.02)
    card = ModelCard("a torso", "none", "none")
    save_model(tmp_path / "torso.safetensors", torso, card)
    loaded = load_model(tmp_path / "torso.safetensors", Torso)
    assert torch.equal(loaded.render_frame(head, CAMERA, *POSE, WINDOW, background).color, picture.color)
