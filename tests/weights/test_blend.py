"""Weights between two."""

from pathlib import Path

import pytest
import torch
from tests.models.small import CARD, CONFIG, save_small_generator, small_generator

from visavox.cli.main import main
from visavox.errors import InputError
from visavox.weights.blend import blend_models
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.registry import model_info


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    first = save_small_generator(tmp_path / "first.safetensors")
    second = tmp_path / "second.safetensors"
    save_model(second, small_generator(seed=1), network="wav2lip", config=CONFIG, card=CARD)
    (tmp_path / "second.motion.npz").write_bytes(b"terms")
    return first, second


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_numbers_lie_between(two: tuple[Path, Path], tmp_path: Path, share: float) -> None:
    info = blend_models(*two, tmp_path / "between.safetensors", share=share)
    one, other = (load_model(path).state_dict() for path in two)
    for key, tensor in load_model(info.path).state_dict().items():
        torch.testing.assert_close(
            tensor, torch.lerp(one[key].float(), other[key].float(), share).to(tensor.dtype), atol=2e-3, rtol=1e-3
        )
    assert (tmp_path / "between.motion.npz").read_bytes() == b"terms"
    assert not info.card.quality


def test_other_dimensions_are_refused(two: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not weights of the same network"):
        blend_models(two[0], "expert", tmp_path / "between.safetensors")
    assert not (tmp_path / "between.safetensors").exists()


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_share_out_of_range(two: tuple[Path, Path], tmp_path: Path, share: float) -> None:
    with pytest.raises(InputError, match="give one from 0"):
        blend_models(*two, tmp_path / "between.safetensors", share=share)


def test_an_input_is_not_overwritten(two: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="is the input itself"):
        blend_models(*two, two[1], overwrite=True)


def test_command(two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "between.safetensors"
    assert main(["models", "blend", *map(str, two), "-o", str(output), "--share", "0.5"]) == 0
    assert "a generator for tests" in capsys.readouterr().out
    assert "to a share of 0.5" in model_info(str(output)).card.training
