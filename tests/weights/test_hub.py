"""Files of the Hugging Face hub, from a cache on disk laid out as huggingface_hub does it, without a network."""

import hashlib
from pathlib import Path

import pytest
from tests.models.small import CONFIG, save_small_generator

from visavox.errors import InputError
from visavox.weights.checkpoint import load_model
from visavox.weights.hub import fetch

constants = pytest.importorskip("huggingface_hub.constants")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache; huggingface_hub takes it for its own, and itself for offline."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub" / "models--someone--voices"


def put(cache: Path, name: str | None = None) -> Path:
    """Put a weights file into the cache, as a blob called by its SHA-256 or by `name`."""
    for folder in ("blobs", "refs", f"snapshots/{COMMIT}"):
        (cache / folder).mkdir(parents=True)
    (cache / "refs" / "main").write_text(COMMIT)
    file = save_small_generator(cache / "blobs" / "new.safetensors")
    blob = file.rename(cache / "blobs" / (name or hashlib.sha256(file.read_bytes()).hexdigest()))
    link = cache / "snapshots" / COMMIT / "wav2lip.safetensors"
    link.symlink_to(blob)
    return link


def test_a_file_in_the_cache_is_checked_and_loaded(cache: Path) -> None:
    link = put(cache)
    assert fetch("hf:someone/voices/wav2lip.safetensors") == link
    assert fetch(f"hf:someone/voices/wav2lip.safetensors@{COMMIT}") == link
    assert load_model("hf:someone/voices/wav2lip.safetensors").config == CONFIG


def test_a_file_with_another_hash_is_refused(cache: Path) -> None:
    put(cache, name="ab" * 32)
    with pytest.raises(InputError, match=r"is damaged: its SHA-256 is [0-9a-f]{64} instead of (ab){32}; delete"):
        load_model("hf:someone/voices/wav2lip.safetensors")


def test_a_file_without_a_hash_is_refused(cache: Path) -> None:
    put(cache, name="ab" * 20)
    with pytest.raises(InputError, match="the hub gives no SHA-256"):
        fetch("hf:someone/voices/wav2lip.safetensors")


def test_offline_and_not_in_the_cache(cache: Path) -> None:
    with pytest.raises(InputError, match="not in the cache and the hub cannot be reached; go online once"):
        fetch("hf:someone/voices/wav2lip.safetensors")


@pytest.mark.parametrize("reference", ["hf:", "hf:someone", "hf:someone/voices", "hf:some one/voices/a", "hf:a/b/c@"])
def test_what_names_no_file(reference: str) -> None:
    with pytest.raises(InputError, match="names no file on the Hugging Face hub; write hf:OWNER"):
        fetch(reference)
