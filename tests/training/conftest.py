"""A tiny data set of real footage, and one short run of each stage, for the tests to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.training import tiny, tiny_recipes

from visavox.progress import QUIET
from visavox.training.generator.clips import ClipSplits
from visavox.training.generator.features import FeaturesInputs
from visavox.training.run import train
from visavox.training.run_folder import RunFolder
from visavox.training.task import Context


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in one order: the numbers of two runs can be compared bit by bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="session")
def clips(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> ClipSplits:
    """Training and validation clips, with four motions."""
    nowhere = RunFolder(tmp_path_factory.mktemp("nowhere"))
    context = Context(torch.device("cpu"), 0, nowhere, progress=QUIET)
    return ClipSplits.load(dataset, 4, context, audio=tiny_recipes.SPEC.audio)


@pytest.fixture(scope="session")
def speech_run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "speech"
    train(tiny_recipes.SPEECH, dataset, path)
    return path


@pytest.fixture(scope="session")
def expert_run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "expert"
    train(tiny_recipes.EXPERT_RECIPE, dataset, path)
    return path


@pytest.fixture(scope="session")
def features_run(dataset: Path, speech_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "features"
    inputs = FeaturesInputs(start=str(speech_run / "best.safetensors"))
    train(tiny_recipes.FEATURES, dataset, path, inputs=inputs)
    return path
