"""The bundled clip, prepared once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from visavox.avatar.dataset.prepare import Prepared, prepare_person
from visavox.avatar.dataset.settings import DataSettings
from visavox.demo import FACE

SETTINGS = DataSettings(size=128, minimum_seconds=2.0, test_share=0.2)
"""For the three seconds of the bundled clip."""


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The bundled clip as a data set; not to be changed."""
    return prepare_person(FACE, tmp_path_factory.mktemp("person") / "data", SETTINGS)


@pytest.fixture
def own_copy(prepared: Prepared, tmp_path: Path) -> Path:
    """A copy of the prepared folder, to be changed."""
    return Path(shutil.copytree(prepared.data.folder, tmp_path / "data"))
