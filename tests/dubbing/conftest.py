"""A tiny generator, real footage, and what is known of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.dubbing.tiny import CONFIG, randomize_statistics

from visavox.demo import FACE
from visavox.dubbing.backends.torch import TorchBackend
from visavox.dubbing.predictor import LipSyncPredictor
from visavox.face.track.tracking import track_video
from visavox.media import VideoReader
from visavox.models.generator.generator import LipSyncGenerator
from visavox.types import Track
from visavox.weights.checkpoint import save_model
from visavox.weights.networks import build_generator
from visavox.weights.weights_file import ModelCard


@pytest.fixture(scope="session")
def generator() -> LipSyncGenerator:
    """A generator that has learned nothing, but whose output depends on all that it is given."""
    torch.manual_seed(7)
    model = build_generator(CONFIG)
    randomize_statistics(model)
    return model.eval()


@pytest.fixture(scope="session")
def predictor(generator: LipSyncGenerator) -> LipSyncPredictor:
    return LipSyncPredictor(TorchBackend(generator, "cpu"))


@pytest.fixture(scope="session")
def weights(generator: LipSyncGenerator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same generator as a weights file."""
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    card = ModelCard("learned nothing", "not trained", "Apache-2.0")
    save_model(path, generator, card)
    return path


@pytest.fixture(scope="session")
def track() -> Track:
    """The face of the bundled clip."""
    return track_video(FACE)[0]


@pytest.fixture(scope="session")
def frames() -> list[np.ndarray]:
    """All frames of the bundled clip, uint8 RGB (288, 360, 3)."""
    with VideoReader(FACE) as reader:
        return [frame.image for frame in reader]
