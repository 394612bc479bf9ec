"""Digests of weights files, by which resumed work knows its networks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.models.small import save_small_generator

from visavox.weights import digest
from visavox.weights.digest import short_weights_digest, weights_digest
from visavox.weights.registry import WEIGHTS_FOLDER

SHIPPED = sorted(WEIGHTS_FOLDER.glob("*.safetensors"))


FIRST_SHIPPED = [path for path in SHIPPED if hashlib.sha256(path.read_bytes()).hexdigest() in digest._FIRST_SHIPPED]
"""Those that were shipped in an earlier format already."""


@pytest.mark.parametrize("path", FIRST_SHIPPED, ids=lambda path: path.stem)
def test_shipped_files_have_the_digest_that_they_were_first_shipped_with(path: Path) -> None:
    present = hashlib.sha256(path.read_bytes()).hexdigest()
    assert weights_digest(path) == digest._FIRST_SHIPPED[present] != present
    assert short_weights_digest(path) == weights_digest(path)[:16]


def test_every_entry_of_the_table_is_a_shipped_file() -> None:
    assert len(FIRST_SHIPPED) == len(digest._FIRST_SHIPPED) == len(set(digest._FIRST_SHIPPED.values()))


def test_other_files_have_their_own(tmp_path: Path) -> None:
    path = save_small_generator(tmp_path / "small.safetensors")
    assert weights_digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()
