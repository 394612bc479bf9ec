"""A small folder of real footage, a list of pairs, a tiny generator and a tiny expert."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.dubbing.tiny import CONFIG, CROP
from tests.evaluation.conftest import DEMO, demo_frames, write_video

from visavox.models.sync.expert import Expert, ExpertConfig
from visavox.weights.checkpoint import save_model
from visavox.weights.networks import build_generator
from visavox.weights.weights_file import ModelCard

NUM_FRAMES = 25


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of a second with sound, one that breaks off, one that shows no face, and a sound that is longer."""
    root = tmp_path_factory.mktemp("corpus")
    frames = demo_frames(2 * NUM_FRAMES)
    (root / "s1").mkdir()
    write_video(root / "s1/one.mp4", iter(frames[:NUM_FRAMES]), sound=DEMO)
    write_video(root / "s1/two.mp4", iter(frames[NUM_FRAMES:]), sound=DEMO)
    write_video(root / "faceless.mp4", iter([frame[200:264, 0:64] for frame in frames[:NUM_FRAMES]]), sound=DEMO)
    write_video(root / "long.mp4", iter(frames), sound=DEMO)
    (root / "broken.mp4").write_bytes((root / "s1/one.mp4").read_bytes()[:4000])
    return root


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator that has learned nothing."""
    torch.manual_seed(7)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    card = ModelCard("learned nothing", "not trained", "Apache-2.0")
    save_model(path, build_generator(CONFIG).eval(), card)
    return path


@pytest.fixture(scope="session")
def expert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An expert that has learned nothing."""
    torch.manual_seed(7)
    path = tmp_path_factory.mktemp("weights") / "expert.safetensors"
    config = ExpertConfig(face_channels=(4, 4, 8, 8, 16, 16), audio_channels=(4, 4, 8, 8, 16))
    card = ModelCard("learned nothing", "not trained", "Apache-2.0")
    save_model(path, Expert(config).eval(), card, crop=CROP)
    return path
