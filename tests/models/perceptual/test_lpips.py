"""LPIPS against a plain numpy computation of its definition, and its weights files good and bad."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.models.published import save_backbone, save_linear
from tests.narrow import present

from visavox.errors import InputError
from visavox.models.perceptual.lpips import Lpips
from visavox.weights.published_weights import BACKBONES, load_lpips

State = dict[str, np.ndarray]


def convolve(x: np.ndarray, state: State, name: str, stride: int = 1, padding: int = 0) -> np.ndarray:
    """(C, H, W), by sliding windows."""
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    return np.asarray(np.einsum("chwij,ocij->ohw", windows, weight, optimize=True) + bias[:, None, None])


def pool(x: np.ndarray, kernel: int, at_end_too: bool = False) -> np.ndarray:
    """Maximum over windows at steps of 2; `at_end_too`: also where a window reaches over the end."""
    length = x.shape[1] - kernel
    steps = (-(-length // 2) if at_end_too else length // 2) + 1
    rows = [slice(2 * step, 2 * step + kernel) for step in range(steps)]
    return np.stack([[x[:, row, column].max(axis=(1, 2)) for column in rows] for row in rows]).transpose(2, 0, 1)


def relu(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(x, 0))


def alex_features(x: np.ndarray, state: State) -> list[np.ndarray]:
    first = relu(convolve(x, state, "features.0", 4, 2))
    second = relu(convolve(pool(first, 3), state, "features.3", 1, 2))
    third = relu(convolve(pool(second, 3), state, "features.6", 1, 1))
    fourth = relu(convolve(third, state, "features.8", 1, 1))
    return [first, second, third, fourth, relu(convolve(fourth, state, "features.10", 1, 1))]


def vgg_features(x: np.ndarray, state: State) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    for stage in ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)):
        x = pool(x, 2) if found else x
        for index in stage:
            x = relu(convolve(x, state, f"features.{index}", 1, 1))
        found.append(x)
    return found


def squeeze_features(x: np.ndarray, state: State) -> list[np.ndarray]:
    def fire(x: np.ndarray, index: int) -> np.ndarray:
        squeezed = relu(convolve(x, state, f"features.{index}.squeeze"))
        narrow = convolve(squeezed, state, f"features.{index}.expand1x1")
        wide = convolve(squeezed, state, f"features.{index}.expand3x3", 1, 1)
        return relu(np.concatenate([narrow, wide]))

    found = [relu(convolve(x, state, "features.0", 2))]
    found.append(fire(fire(pool(found[-1], 3, True), 3), 4))
    found.append(fire(fire(pool(found[-1], 3, True), 6), 7))
    found.append(fire(pool(found[-1], 3, True), 9))
    for index in (10, 11, 12):
        found.append(fire(found[-1], index))
    return found


FEATURES = {"alex": alex_features, "vgg": vgg_features, "squeeze": squeeze_features}


def plain_lpips(network: str, first: np.ndarray, second: np.ndarray, state: State, linear: State) -> float:
    """Equation 1 of Zhang et al. 2018 for two pictures (3, H, W) in [0, 1]."""
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    stacks = []
    for picture in (first, second):
        scaled = (2 * picture - 1 - shift[:, None, None]) / scale[:, None, None]
        stacks.append([x / (np.sqrt((x**2).sum(axis=0)) + 1e-10) for x in FEATURES[network](scaled, state)])
    total = 0.0
    for tap, (one, other) in enumerate(zip(*stacks, strict=True)):
        weight = linear[f"lin{tap}.model.1.weight"].reshape(-1, 1, 1)
        total += float((weight * (one - other) ** 2).sum(axis=0).mean())
    return total


@pytest.fixture(scope="module", params=["alex", "vgg", "squeeze"])
def files(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Path, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    folder = tmp_path_factory.mktemp(request.param)
    backbone, linear = folder / "backbone.pth", folder / "linear.pth"
    states = save_backbone(backbone, request.param), save_linear(linear, request.param)
    return request.param, backbone, linear, *states


def test_the_distance_equals_its_definition(
    files: tuple[str, Path, Path, dict[str, torch.Tensor], dict[str, torch.Tensor]],
) -> None:
    network, backbone, linear, state, weights = files
    distance = load_lpips(network, weights=backbone, linear=linear)
    pictures = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(3))
    changed = (pictures + 0.3 * torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(4))).clamp(max=1)
    measured = distance(pictures, changed)
    assert measured.shape == (2,)
    stack, taps = ({key: tensor.double().numpy() for key, tensor in each.items()} for each in (state, weights))
    for index in range(2):
        one, other = (each[index].double().numpy() for each in (pictures, changed))
        assert measured[index].item() == pytest.approx(plain_lpips(network, one, other, stack, taps), rel=1e-4)


def test_equal_pictures_have_no_distance_and_order_does_not_matter() -> None:
    distance = Lpips("squeeze")
    one, other = torch.rand(2, 1, 3, 48, 64)
    assert distance(one, one).item() == 0
    assert distance(one, other).item() == pytest.approx(distance(other, one).item())
    assert distance(one, other).item() > 0


def test_gradients_reach_the_picture_and_nothing_else() -> None:
    distance = Lpips("squeeze").train()
    assert not distance.training
    assert not distance.stack.training
    painted = torch.full((1, 3, 32, 32), 0.5, requires_grad=True)  # flat: some features are zero everywhere
    distance(painted, torch.rand(1, 3, 32, 32)).sum().backward()
    gradient = present(painted.grad)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in distance.parameters())


def test_half_precision_changes_little() -> None:
    torch.manual_seed(0)
    distance = Lpips("alex")
    one, other = torch.rand(2, 2, 3, 64, 64)
    exact = distance(one, other)
    with torch.autocast("cpu", torch.bfloat16):
        rough = distance(one, other)
    assert rough.dtype == torch.float32
    assert rough.tolist() == pytest.approx(exact.tolist(), rel=0.03)
    assert distance(one.bfloat16(), other.bfloat16()).tolist() == pytest.approx(exact.tolist(), rel=0.03)


@pytest.mark.parametrize(
    ("painted", "message"),
    [
        (torch.rand(1, 3, 32, 32) * 2 - 1, r"lie in \[0, 1\], got -"),
        (torch.rand(1, 3, 32, 32) * 255, r"lie in \[0, 1\], got"),
        (torch.full((1, 3, 32, 32), torch.nan), r"lie in \[0, 1\], got nan"),
        (torch.rand(1, 6, 32, 32), r"\(B, 3, H, W\) RGB"),
        (torch.rand(1, 3, 16, 32), "sides of 32 or more"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), "floating point"),
    ],
)
def test_other_pictures_are_refused(painted: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Lpips("squeeze")(painted, painted)
    with pytest.raises(ValueError, match="of one shape"):
        Lpips("squeeze")(painted, torch.rand(2, 3, 32, 32))


def test_files_that_hold_something_else_are_told(tmp_path: Path) -> None:
    backbone, linear = tmp_path / "backbone.pth", tmp_path / "linear.pth"
    save_backbone(backbone, "squeeze")
    save_linear(linear, "squeeze")
    with pytest.raises(InputError, match=r"does not hold the ImageNet weights of AlexNet: .* is missing"):
        load_lpips("alex", weights=backbone, linear=linear)
    with pytest.raises(InputError, match="no LPIPS of 'resnet'; available are alex, vgg, squeeze"):
        load_lpips("resnet", weights=backbone, linear=linear)
    with pytest.raises(InputError, match="there is no file"):
        load_lpips("squeeze", weights=tmp_path / "missing.pth", linear=linear)
    negative = {key: -tensor for key, tensor in torch.load(linear).items()}
    torch.save(negative, linear)
    with pytest.raises(InputError, match="some of them are negative"):
        load_lpips("squeeze", weights=backbone, linear=linear)
    linear.write_text("<html>sign in</html>")
    with pytest.raises(InputError, match="is a web page; the linear weights of LPIPS"):
        load_lpips("squeeze", weights=backbone, linear=linear)


def test_a_file_with_code_in_it_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
            return (open, (str(tmp_path / "sprung"), "w"))

    linear, trap = tmp_path / "linear.pth", tmp_path / "trap.pth"
    save_linear(linear, "squeeze")
    torch.save({"features.0.weight": Trap()}, trap)
    with pytest.raises(InputError, match="holds a Python object"):
        load_lpips("squeeze", weights=trap, linear=linear)
    assert not (tmp_path / "sprung").exists()


def test_what_cannot_be_fetched_is_told_how_to_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    url = (tmp_path / "nowhere" / "squeezenet1_1-b8a52dc0.pth").as_uri()
    backbone = BACKBONES["squeeze"]
    monkeypatch.setitem(BACKBONES, "squeeze", type(backbone)(backbone.what, url, backbone.sha256, option="--it"))
    save_linear(tmp_path / "linear.pth", "squeeze")
    with pytest.raises(InputError) as raised:
        load_lpips("squeeze", linear=tmp_path / "linear.pth")
    said = str(raised.value)
    assert url in said
    assert str(tmp_path / "cache" / "squeezenet1_1-b8a52dc0.pth") in said
    assert "--it" in said


def test_published_linear_weights_are_found_in_an_installed_package(tmp_path: Path) -> None:
    pytest.importorskip("torchmetrics")
    backbone = tmp_path / "backbone.pth"
    save_backbone(backbone, "alex")
    distance = load_lpips("alex", weights=backbone)
    assert [len(weight) for weight in distance.weights] == [64, 192, 384, 256, 256]
    assert distance.weights[0].max() < 20
    one, other = torch.rand(2, 1, 3, 64, 64)
    assert 0 < distance(one, other).item() < 2
