"""Published files are found where other programs have put them, and believed only if they hash to what they should."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from tests.narrow import present

from visavox.errors import InputError
from visavox.weights.published_weights import PublishedWeights, find_published, installed_file


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PublishedWeights:
    monkeypatch.setenv("VISAVOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    source = tmp_path / "net-1234.pth"
    source.write_bytes(b"numbers")
    return PublishedWeights("the net", source.as_uri(), hashlib.sha256(b"numbers").hexdigest(), option="--net")


def test_it_is_fetched_to_the_cache(published: PublishedWeights, tmp_path: Path) -> None:
    assert find_published(published) == tmp_path / "cache" / "net-1234.pth"
    (tmp_path / "net-1234.pth").unlink()
    assert find_published(published).read_bytes() == b"numbers"


def test_what_torch_hub_has_is_used_if_it_is_whole(published: PublishedWeights, tmp_path: Path) -> None:
    kept = tmp_path / "hub" / "checkpoints" / "net-1234.pth"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"numb")
    assert find_published(published) == tmp_path / "cache" / "net-1234.pth"
    kept.write_bytes(b"numbers")
    assert find_published(published) == kept


def test_another_file_under_the_address_is_refused(published: PublishedWeights, tmp_path: Path) -> None:
    (tmp_path / "net-1234.pth").write_bytes(b"sign in")
    with pytest.raises(InputError, match=r"SHA-256 differs.*Or give the file with --net"):
        find_published(published)
    assert not (tmp_path / "cache").exists()


def test_files_of_packages_are_found_without_importing_them() -> None:
    found = installed_file([("no_such_package", "a"), ("torch", "no such file"), ("torch", "version.py")])
    assert present(found).is_file()
    assert installed_file([("no_such_package", "a")]) is None
