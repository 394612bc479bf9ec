"""A tiny generator with a speech branch, and what one adaptation of it to the bundled clip left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.tiny_recipes import GENERATOR, PLAIN_GENERATOR

import visavox
from visavox.adaptation.checks import check_request
from visavox.adaptation.job import REQUEST_FILE
from visavox.demo import FACE
from visavox.face.track.tracking import track_video
from visavox.models.generator.conditioners import MotionConditioner
from visavox.models.generator.generator import GeneratorConfig
from visavox.models.generator.motion_basis import fit_motion_basis
from visavox.weights.checkpoint import save_model
from visavox.weights.networks import build_generator
from visavox.weights.weights_file import ModelCard

CARD = ModelCard("a generator for tests", "not trained", "licence of the start")
OPTIONS: dict[str, Any] = {"steps": 16, "batch_size": 2, "minimum_seconds": 2.0, "workers": 0, "learning_rate": 3e-3}
"""Of a short adaptation to the three seconds of the bundled clip."""


@dataclass(frozen=True)
class Adapted:
    """What an adaptation left."""

    result: visavox.AdaptResult
    weights: Path
    work: Path


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in one order: the numbers of two runs can be compared bit by bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def save_generator(path: Path, config: GeneratorConfig, card: ModelCard = CARD) -> Path:
    torch.manual_seed(3)
    generator = build_generator(config).eval()
    if isinstance(generator.conditioner, MotionConditioner):
        generator.conditioner.motion_basis.set(fit_motion_basis([track_video(FACE)[0].landmarks], 4))
    save_model(path, generator, card)
    return path


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator with a speech branch."""
    return save_generator(tmp_path_factory.mktemp("start") / "tiny.safetensors", GENERATOR)


@pytest.fixture(scope="session")
def plain_start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator without a speech branch."""
    return save_generator(tmp_path_factory.mktemp("start") / "plain.safetensors", PLAIN_GENERATOR)


def begin_with_clips_of(adapted: Adapted, work: Path, start: Path, **options: Any) -> Path:
    """Begin a work folder for another job, whose clips are prepared and whose start is measured already."""
    work.mkdir()
    for name in ("dataset", "held-out"):
        shutil.copytree(adapted.work / name, work / name)
    request = check_request(FACE, work / "none.safetensors", start, None, visavox.AdaptSettings(**OPTIONS | options))
    (work / REQUEST_FILE).write_text(json.dumps(request.identity))
    return work


@pytest.fixture(scope="session")
def adapted(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Adapted:
    """The bundled clip, a few steps."""
    folder = tmp_path_factory.mktemp("adapted")
    result = visavox.adapt(FACE, folder / "person.safetensors", model=start, work=folder / "work", **OPTIONS)
    return Adapted(result, folder / "person.safetensors", folder / "work")
