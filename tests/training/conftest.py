"""A tiny data set of real footage, and one short run of each stage, for the tests to look at."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.training import tiny, tiny_recipes

from visavox.data.generator.clip_store import ClipStore, load_store
from visavox.training.generator import run


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Sums in one order: the numbers of two runs can be compared bit by bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    return tiny.make_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="session")
def stores(dataset) -> tuple[ClipStore, ClipStore]:
    """Training and validation clips, with four motions."""
    train, validation = load_store(dataset, "train"), load_store(dataset, "validation")
    run.apply_basis(train.fit_basis(4), train, validation)
    return train, validation


@pytest.fixture(scope="session")
def speech_run(dataset, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "speech"
    run.train_speech(dataset, tiny_recipes.SPEECH, path)
    return path


@pytest.fixture(scope="session")
def expert_run(dataset, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "expert"
    run.train_expert(dataset, tiny_recipes.JUDGE, path)
    return path


@pytest.fixture(scope="session")
def features_run(dataset, speech_run, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "features"
    run.train_features(dataset, tiny_recipes.FEATURES, path, start=str(speech_run / "best.safetensors"))
    return path
