"""The painter without ears: the same picture as Wav2Lip's from the same motion, and what it reads of 68 landmarks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.dubbing.tiny import CONFIG, CROP

from visavox.models.generator.motion_driven import MotionDub, MotionDubConfig
from visavox.models.generator.mouth_reader import MouthReader
from visavox.models.generator.speech_branch import MotionConfig
from visavox.models.generator.wav2lip import Wav2Lip
from visavox.training.generator.start import load_start
from visavox.weights.checkpoint import load_model, save_model
from visavox.weights.weights_file import ModelCard

HEARING = replace(CONFIG, motion=MotionConfig(num_motions=4, channels=8, condition=8), mel_window=32, mel_lead=14)
DEAF = MotionDubConfig(**{**vars(HEARING), "mel_window": 0, "mel_lead": 0})


@pytest.fixture
def hearing(tmp_path: Path) -> tuple[Wav2Lip, str]:
    torch.manual_seed(2)
    model, path = Wav2Lip(HEARING).eval(), tmp_path / "hearing.safetensors"
    save_model(path, model, network="wav2lip", config=HEARING, card=ModelCard(CROP, "", "", ""))
    return model, str(path)


def test_started_from_a_wav2lip_it_paints_what_that_paints(hearing: tuple[Wav2Lip, str], tmp_path: Path) -> None:
    model, path = hearing
    painter = MotionDub(DEAF).eval()
    painter.load_state_dict({**painter.state_dict(), **load_start(path, DEAF)})
    painter.mouth_reader.components.normal_()
    saved = tmp_path / "deaf.safetensors"
    save_model(saved, painter, network="motion_dub", config=DEAF, card=ModelCard(CROP, "", "", ""))
    loaded = load_model(saved)
    faces, motion = torch.rand(2, 6, 96, 96), torch.randn(2, 4)
    nothing = torch.zeros(2, 1, 80, 0)
    assert torch.equal(loaded(nothing, faces, motion), model(nothing, faces, motion))
    assert torch.equal(loaded.mouth_reader.components, painter.mouth_reader.components)
    assert not any(name.startswith(("motion_predictor", "audio_encoder")) for name in loaded.state_dict())


def test_it_does_not_hear(hearing: tuple[Wav2Lip, str]) -> None:
    painter = MotionDub(DEAF).eval()
    with pytest.raises(ValueError, match="does not hear"):
        painter(torch.zeros(1, 1, 80, 32), torch.rand(1, 6, 96, 96))
    with pytest.raises(ValueError, match="mel window of 0"):
        replace(DEAF, mel_window=32)


def test_what_is_shut_stays_shut_and_the_rest_grows_from_rest() -> None:
    reader = MouthReader(3)
    reader.rest.copy_(torch.tensor([-1.0, 0.5, 0.25]))
    reader.response.fill_(1.25)
    rest = reader.rest.numpy()
    numbers = np.stack([rest, rest + 1, rest - 0.5]).astype(np.float32)
    asked = reader.wanted(numbers, expressiveness=1.2, openness=0.8)
    assert np.allclose(asked[0], rest)
    assert np.allclose(asked[1] - rest, [1.25 * 1.2 * 0.8, 1.5, 1.5])
    assert asked[2, 0] == rest[0]
    assert np.allclose(asked[2, 1:] - rest[1:], -0.75)
