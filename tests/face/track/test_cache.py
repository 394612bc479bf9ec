import hashlib
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from visavox.demo import FACE
from visavox.errors import InputError
from visavox.face.track.track_cache import cached_tracks
from visavox.face.track.track_file import load_tracks, save_tracks
from visavox.face.track.tracking import TrackingSettings
from visavox.runtime.cache import cache_folder, fetch_to_cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISAVOX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_environment_names_the_folder(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == own_cache
    monkeypatch.delenv("VISAVOX_CACHE")
    assert cache_folder().name == "visavox"


def test_a_file_is_fetched_once_and_checked(tmp_path: Path, own_cache: Path) -> None:
    source = tmp_path / "published.bin"
    source.write_bytes(b"networks")
    right = hashlib.sha256(b"networks").hexdigest()
    url = source.as_uri()
    with pytest.raises(InputError, match="SHA-256 differs"):
        fetch_to_cache("file.bin", url, "0" * 64, "the networks")
    assert not own_cache.exists()
    assert fetch_to_cache("file.bin", url, right, "the networks").read_bytes() == b"networks"
    source.unlink()
    assert fetch_to_cache("file.bin", url, right, "the networks").read_bytes() == b"networks"
    (own_cache / "file.bin").write_bytes(b"<html>")
    with pytest.raises(InputError, match="delete it"):
        fetch_to_cache("file.bin", url, right, "the networks")


def test_what_cannot_be_fetched_is_told_how_to_get(tmp_path: Path, own_cache: Path) -> None:
    url = (tmp_path / "nowhere.bin").as_uri()
    with pytest.raises(InputError) as raised:
        fetch_to_cache("file.bin", url, "0" * 64, "the networks")
    assert url in str(raised.value)
    assert str(own_cache / "file.bin") in str(raised.value)


def test_tracks_are_made_once(tmp_path: Path, own_cache: Path, speaker: list[np.ndarray]) -> None:
    picture = tmp_path / "face.png"
    picture.write_bytes(cv2.imencode(".png", speaker[0][..., ::-1])[1].tobytes())
    (first,) = cached_tracks(picture)
    (kept,) = (own_cache / "tracks").iterdir()
    # Mark what is kept: a second call that gives the mark has read it.
    (stored,) = load_tracks(kept)
    stored.face_id = 7
    save_tracks([stored], kept)
    moved = tmp_path / "another name.png"
    picture.rename(moved)
    (again,) = cached_tracks(moved)
    assert again.face_id == 7
    np.testing.assert_array_equal(again.landmarks, first.landmarks)
    kept.write_bytes(b"damaged")
    assert cached_tracks(moved)[0].face_id == 0
    assert len(load_tracks(kept)) == 1


def test_a_cache_that_cannot_be_written_costs_only_time(
    tmp_path: Path, own_cache: Path, speaker: list[np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    own_cache.write_text("a file where the folder should be")
    picture = tmp_path / "face.png"
    picture.write_bytes(cv2.imencode(".png", speaker[0][..., ::-1])[1].tobytes())
    assert len(cached_tracks(picture)) == 1
    assert "not kept" in caplog.text


def test_the_identity_depends_on_file_and_settings(tmp_path: Path) -> None:
    from visavox.face.track.track_cache import _identity

    video = tmp_path / "clip.mpg"
    shutil.copy(FACE, video)
    plain = _identity(str(video), None, TrackingSettings())
    assert plain == _identity(str(video), None, TrackingSettings())
    others = {_identity(str(video), (0, 0, 99, 99), TrackingSettings())}
    others.add(_identity(str(video), None, TrackingSettings(min_duration=1.0)))
    os.utime(video, ns=(1, 1))
    others.add(_identity(str(video), None, TrackingSettings()))
    assert len(others | {plain}) == 4


def test_a_video_that_is_missing_is_said_as_ever(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        cached_tracks(tmp_path / "missing.mp4")
