"""A dub as a job: checked once, with events, cancelled at any step, and any number at a time."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import visavox
from visavox.demo import FACE
from visavox.dubbing import Dubber
from visavox.face.track.track_file import save_track
from visavox.media import SampleReader, VideoReader
from visavox.models.generator.generator import LipSyncGenerator
from visavox.progress import CancelToken, Event
from visavox.types import Track


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of noise that comes and goes."""
    import wave

    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    loudness = np.repeat([0.3, 0.0, 0.2, 0.3], 2000)
    samples = (np.random.default_rng(1).normal(0, 0.3, 8000) * loudness * 32767).clip(-32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture(scope="module")
def track_file(track: Track, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tracks") / "track.npz"
    save_track(track, path)
    return path


def content(path: Path) -> bytes:
    """All frames of a video and all its samples."""
    with VideoReader(path) as reader:
        frames = b"".join(frame.image.tobytes() for frame in reader)
    sound = SampleReader(path, 16000, 1)
    samples = sound.read(1 << 20).tobytes()
    sound.close()
    return frames + samples


def test_everything_is_checked_once(
    weights: Path, speech: Path, track_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: dict[str, int] = {}

    def counted(module: str, name: str) -> None:
        target = sys.modules[module]
        inner = getattr(target, name)

        def call(*arguments: Any, **options: Any) -> Any:
            counts[name] = counts.get(name, 0) + 1
            return inner(*arguments, **options)

        monkeypatch.setattr(target, name, call)

    for name in ("check_output", "probe", "probe_audio", "_rehearse", "load_fitting_tracks"):
        counted("visavox.dubbing.checks", name)
    counted("visavox.dubbing.first_pass", "load_tracks")
    visavox.dub(FACE, speech, tmp_path / "out.mp4", model=weights, track=track_file)
    assert counts == dict.fromkeys(
        ("check_output", "probe", "probe_audio", "_rehearse", "load_fitting_tracks", "load_tracks"), 1
    )


def test_events_say_how_far_it_is_and_the_result_follows(
    weights: Path, speech: Path, track_file: Path, tmp_path: Path
) -> None:
    job = visavox.check(FACE, speech, tmp_path / "out.mp4", model=weights, track=track_file)
    with pytest.raises(RuntimeError, match="no result yet"):
        _ = job.result
    events = list(job.events())
    assert [event.kind for event in events if event.stage == "dubbing"][:1] == ["begin"]
    last = [event for event in events if event.kind == "advance"][-1]
    assert (last.stage, last.done, last.total) == ("dubbing", job.result.num_frames, job.result.num_frames)
    assert events[-1].kind == "end"
    assert (tmp_path / "out.mp4").is_file()


def test_a_view_that_fails_does_not_stop_the_job(
    weights: Path, speech: Path, track_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: Event) -> None:
        raise ZeroDivisionError

    job = visavox.check(FACE, speech, tmp_path / "out.mp4", model=weights, track=track_file)
    assert job.run(on_event=broken).num_frames > 0
    assert caplog.text.count("the view of the progress failed") == 1


@pytest.mark.parametrize("stage", ["looking for faces", "dubbing"])
def test_a_cancelled_job_leaves_nothing(weights: Path, speech: Path, tmp_path: Path, stage: str) -> None:
    token = CancelToken()

    def cancel(event: Event) -> None:
        if event.stage == stage and event.done == 3:
            token.cancel()

    job = visavox.check(FACE, speech, tmp_path / "out.mp4", model=weights)
    with pytest.raises(visavox.Cancelled):
        job.run(cancel, token)
    assert not list(tmp_path.iterdir())
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("visavox")]


def test_leaving_the_events_cancels(weights: Path, speech: Path, track_file: Path, tmp_path: Path) -> None:
    job = visavox.check(FACE, speech, tmp_path / "out.mp4", model=weights, track=track_file)
    events = job.events()
    for event in events:
        if event.kind == "advance":
            break
    events.close()
    assert not list(tmp_path.iterdir())


def test_an_error_of_the_job_is_raised_where_its_events_are_read(weights: Path, speech: Path, tmp_path: Path) -> None:
    wall = tmp_path / "wall.png"
    from PIL import Image

    Image.fromarray(np.zeros((120, 160, 3), np.uint8)).save(wall)
    job = visavox.check(wall, speech, tmp_path / "out.mp4", model=weights)
    with pytest.raises(visavox.InputError, match="no face was found"):
        list(job.events())


def test_a_generator_made_in_python_dubs(
    generator: LipSyncGenerator, weights: Path, speech: Path, track_file: Path, tmp_path: Path
) -> None:
    for name, model in (("file", weights), ("module", generator)):
        visavox.dub(FACE, speech, tmp_path / f"{name}.mp4", model=model, track=track_file)
    assert content(tmp_path / "file.mp4") == content(tmp_path / "module.mp4")
    with pytest.raises(visavox.InputError, match="predicts no mouth motion"):
        visavox.check(FACE, speech, tmp_path / "no.mp4", model=generator, expressiveness=0.5)


@pytest.mark.parametrize("shared", [True, False])
def test_four_at_once_are_what_they_are_alone(
    weights: Path, speech: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], shared: bool
) -> None:
    """One Dubber in four threads, and four Dubbers; the tracker runs in all of them."""
    settings: list[dict[str, Any]] = [
        {"extend": "loop"},
        {"audio_offset": 40.0},
        {"speaker": "largest"},
        {"sharpen": 0.0},
    ]
    alone = Dubber(weights)
    for number, options in enumerate(settings):
        alone.dub(FACE, speech, tmp_path / f"alone-{number}.mp4", **options)
    dubbers = [alone] * 4 if shared else [Dubber(weights) for _ in range(4)]

    def dub(number: int) -> None:
        dubbers[number].dub(FACE, speech, tmp_path / f"together-{number}.mp4", **settings[number])
        sys.stderr.write(f"[{number}]")

    capfd.readouterr()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(dub, range(4)))
    said = capfd.readouterr().err
    assert all(f"[{number}]" in said for number in range(4))  # nobody took standard error away
    for number in range(4):
        assert content(tmp_path / f"together-{number}.mp4") == content(tmp_path / f"alone-{number}.mp4")
