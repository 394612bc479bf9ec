"""The speech branch of one generator under the painter of another."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.small import CARD, CONFIG, save_small_generator

from visavox.cli.main import main
from visavox.errors import InputError
from visavox.models.generator.speech_branch import MotionConfig
from visavox.models.generator.wav2lip import Wav2Lip, Wav2LipConfig
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.graft import graft_speech_branch
from visavox.weights.registry import model_info

MOTION = MotionConfig(num_motions=3, channels=4, condition=4)
PAINTER = replace(CONFIG, mel_window=32, mel_lead=14, motion=MOTION)
EARS = replace(PAINTER, mel_window=48, mel_lead=22, motion=replace(MOTION, channels=8, dilations=(1, 2)))


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, config: Wav2LipConfig, seed: int, terms: float | None = 1.0, licence: str = "CC0") -> Path:
        torch.manual_seed(seed)
        path = tmp_path / f"{name}.safetensors"
        save_model(path, Wav2Lip(config).eval(), network="wav2lip", config=config, card=replace(CARD, licence=licence))
        if terms is not None:
            np.savez(tmp_path / f"{name}.motion.npz", opening=np.array([terms, 1.0]))
        return path

    return write


def test_it_hears_as_one_and_paints_as_the_other(save: Callable[..., Path], tmp_path: Path) -> None:
    painter, ears = save("painter", PAINTER, 0), save("ears", EARS, 1, licence="CC BY 4.0")
    info = graft_speech_branch(painter, ears, tmp_path / "both.safetensors")
    model, one, other = (load_model(path) for path in (info.path, painter, ears))
    assert model.config == replace(PAINTER, mel_window=48, mel_lead=22, motion=EARS.motion)
    mel, faces = torch.rand(2, 1, 80, 48) * 8 - 4, torch.rand(2, 6, 96, 96)
    with torch.no_grad():
        heard = model.motion_predictor(mel)
        torch.testing.assert_close(heard, other.motion_predictor(mel), atol=5e-3, rtol=5e-3)
        torch.testing.assert_close(model(mel, faces), one(mel, faces, heard), atol=5e-3, rtol=5e-3)
    assert (tmp_path / "both.motion.npz").read_bytes() == (tmp_path / "painter.motion.npz").read_bytes()
    assert info.card.licence == "CC0 CC BY 4.0"
    assert not info.card.quality


@pytest.mark.parametrize(
    ("config", "terms", "sentence"),
    [
        (CONFIG, 1.0, "has no speech branch"),
        (EARS, None, "has no ears.motion.npz beside it"),
        (EARS, 2.0, "describes mouths in other terms than"),
        (
            replace(EARS, motion=replace(EARS.motion, num_motions=4)),
            1.0,
            "visavox train speech DATASET --start painter",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    save: Callable[..., Path], tmp_path: Path, config: Wav2LipConfig, terms: float | None, sentence: str
) -> None:
    painter, ears = save("painter", PAINTER, 0), save("ears", config, 1, terms)
    with pytest.raises(InputError) as caught:
        graft_speech_branch(painter, ears, tmp_path / "both.safetensors")
    assert sentence in str(caught.value)
    assert not (tmp_path / "both.safetensors").exists()


def test_what_has_no_painter_is_refused(save: Callable[..., Path], tmp_path: Path) -> None:
    plain = save_small_generator(tmp_path / "plain.safetensors")
    with pytest.raises(InputError, match="has no speech branch"):
        graft_speech_branch(plain, save("ears", EARS, 1), tmp_path / "both.safetensors")


def test_command(save: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "both.safetensors"
    command = ["models", "graft", str(save("painter", PAINTER, 0)), str(save("ears", EARS, 1)), "-o", str(output)]
    assert main(command) == 0
    assert "a generator for tests" in capsys.readouterr().out
    assert model_info(str(output)).card.training == "painter: none; speech branch: none"
    assert main(command) == 2
    assert "exists; choose another name" in capsys.readouterr().err
