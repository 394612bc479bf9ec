"""Whole jobs on real footage, with a generator that has learned nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from tests.dubbing.tiny import ATTN_CONFIG, CROP, randomize_warp
from tests.narrow import part, present

import visavox
from visavox.cli.main import main
from visavox.demo import FACE, SPEECH
from visavox.dubbing import Dubber
from visavox.dubbing.speaking_face import prepare_face
from visavox.errors import InputError
from visavox.face.track.track_file import save_track
from visavox.media import Encoding, VideoReader, probe, read_audio, read_samples
from visavox.types import Frame, FrameStatus, Track
from visavox.weights.checkpoint import save_model
from visavox.weights.networks import build_generator
from visavox.weights.weights_file import ModelCard

LOSSLESS = Encoding(crf=0, preset="ultrafast")
RATE = 16_000


@pytest.fixture(scope="module")
def dubber(weights: Path) -> Dubber:
    return Dubber(weights)


@pytest.fixture(scope="module")
def track_file(track: Track, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("track") / "face.npz"
    save_track(track, path)
    return path


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a recording of so many seconds of the bundled speech."""
    folder, samples = tmp_path_factory.mktemp("speech"), read_audio(SPEECH)

    def write(seconds: float, start: float = 0.0) -> Path:
        path = folder / f"speech {seconds} from {start}.wav"
        chosen = samples[round(start * RATE) : round((start + seconds) * RATE)]
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(np.rint(chosen * 32767).astype("<i2").tobytes())
        return path

    return write


def read(path: Path) -> list[Frame]:
    with VideoReader(path) as reader:
        return list(reader)


def write(path: Path, images: list[np.ndarray], stamps: list[int] | None = None) -> Path:
    """Write frames losslessly; stamps in milliseconds, or 25 frames a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "0", "preset": "ultrafast"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = (stamps[index] if stamps else index * 40), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def changed(result: np.ndarray, source: np.ndarray) -> bool:
    """Whether a frame was repainted; conversion between colour spaces alone changes a few levels."""
    return bool((np.abs(result.astype(int) - source).max(axis=-1) > 24).sum() > 200)


def test_sound_and_picture_are_what_they_should_be(
    dubber: Dubber, speech: Callable[..., Path], track_file: Path, tmp_path: Path, frames: list[np.ndarray]
) -> None:
    output = tmp_path / "a result, with 'quotes' and ünïcode.v1.mkv"
    result = dubber.dub(FACE, speech(2), output, track=track_file, encoding=LOSSLESS)
    info = probe(output)
    assert (info.width, info.height, info.frame_rate) == (360, 288, Fraction(25))
    assert [frame.time for frame in read(output)] == [Fraction(k, 25) for k in range(50)]
    assert np.array_equal(read_samples(output, RATE, 1), read_samples(speech(2), RATE, 1))
    assert (result.num_frames, result.num_repainted, result.passed_through) == (50, 50, {})
    assert (result.seconds, result.audio_seconds) == (2, 2)
    assert len(result.decisions) == 1
    assert "1.00 s longer" in result.decisions[0]
    assert {"sound", "track", "references", "network", "composite", "total"} <= result.timings.keys()
    with av.open(str(output)) as container:
        assert "TrainedAlgorithmicMedia" in str(container.metadata)


def test_outside_of_the_mask_the_file_shows_the_source(
    dubber: Dubber,
    speech: Callable[..., Path],
    track: Track,
    track_file: Path,
    tmp_path: Path,
    frames: list[np.ndarray],
) -> None:
    output = tmp_path / "a.mkv"
    dubber.dub(FACE, speech(1), output, track=track_file, encoding=LOSSLESS)
    face = prepare_face(track, CROP, 0.03)
    for index, frame in enumerate(read(output)):
        assert changed(frame.image, frames[index])
        left, top = face.points[index].min(axis=0) - 24
        right, bottom = face.points[index].max(axis=0) + 24
        outside = np.ones((288, 360), bool)
        outside[int(top) : int(bottom), int(left) : int(right)] = False
        difference = np.abs(frame.image.astype(int) - frames[index])[outside]
        assert difference.mean() < 1.0  # what 4:2:0 and eight bits cost


@pytest.mark.parametrize(
    ("extend", "expected"),
    [
        ("pingpong", [*range(75), *range(73, 48, -1)]),
        ("loop", [*range(75), *range(25)]),
        ("freeze", [*range(75), *[74] * 25]),
        ("stop", list(range(75))),
    ],
)
def test_sound_longer_than_the_video(
    dubber: Dubber,
    speech: Callable[..., Path],
    track_file: Path,
    tmp_path: Path,
    frames: list[np.ndarray],
    extend: str,
    expected: list[int],
) -> None:
    output = tmp_path / "a.mkv"
    result = dubber.dub(FACE, speech(4), output, track=track_file, extend=extend, encoding=LOSSLESS)
    written = read(output)
    assert result.num_frames == result.num_repainted == len(written) == len(expected)
    assert "1.00 s shorter" in result.decisions[0]
    for frame, source in zip(written, expected, strict=True):
        upper = frame.image[:100].astype(int) - frames[source][:100]  # hair and eyes: not repainted
        assert np.abs(upper).mean() < 1.5
    heard = len(read_samples(output, RATE, 1)) / RATE
    assert heard == pytest.approx(len(expected) / 25, abs=0.03)


@pytest.mark.parametrize(("tail", "num_frames", "num_left"), [("cut", 25, 0), ("original", 75, 50), ("silent", 75, 0)])
def test_video_longer_than_the_sound(
    dubber: Dubber,
    speech: Callable[..., Path],
    track_file: Path,
    tmp_path: Path,
    frames: list[np.ndarray],
    tail: str,
    num_frames: int,
    num_left: int,
) -> None:
    output = tmp_path / "a.mp4"
    result = dubber.dub(FACE, speech(1), output, track=track_file, tail=tail)
    assert result.num_frames == len(read(output)) == num_frames
    assert result.passed_through == ({"after the speech": num_left} if num_left else {})
    assert "2.00 s longer" in result.decisions[0]
    if tail != "cut":
        assert changed(read(output)[-1].image, frames[74]) == (tail == "silent")
    sound = read_samples(output, RATE, 1)[:, 0]
    after = np.abs(sound[round(1.2 * RATE) :])
    if tail == "original":
        own = read_audio(FACE)[round(1.2 * RATE) :][: len(after)]
        assert np.corrcoef(sound[round(1.2 * RATE) :][: len(own)], own)[0, 1] > 0.95
    elif tail == "silent":
        assert after.size == 0 or after.max() < 0.01


def test_frames_without_a_face_pass_through(
    dubber: Dubber, speech: Callable[..., Path], tmp_path: Path, frames: list[np.ndarray]
) -> None:
    blank = [np.full_like(frames[0], 90) for _ in range(20)]
    source = write(tmp_path / "gap.mkv", [*frames[:15], *blank, *frames[15:30]])
    output = tmp_path / "a.mkv"
    result = dubber.dub(source, speech(2), output, encoding=LOSSLESS)
    before, after = read(source), read(output)
    assert result.passed_through == {"no face": 20}
    assert result.num_repainted == 30
    for index in range(50):
        assert changed(after[index].image, before[index].image) == (not 15 <= index < 35)


def test_a_face_turned_away_passes_through(
    dubber: Dubber, speech: Callable[..., Path], track: Track, tmp_path: Path, frames: list[np.ndarray]
) -> None:
    turned = replace(track, status=track.status.copy())
    turned.status[20:30] = FrameStatus.TURNED_AWAY
    save_track(turned, tmp_path / "turned.npz")
    output = tmp_path / "a.mkv"
    result = dubber.dub(FACE, speech(2), output, track=tmp_path / "turned.npz", encoding=LOSSLESS)
    assert result.passed_through == {"face turned away": 10}
    differences = [np.abs(frame.image.astype(int) - frames[index]).mean() for index, frame in enumerate(read(output))]
    assert max(differences[20:30]) < 1 < min(differences[:16] + differences[34:])
    assert differences[30] < differences[31] < differences[32]  # the new mouth comes in gently


def test_uneven_times_are_kept(
    dubber: Dubber, speech: Callable[..., Path], tmp_path: Path, frames: list[np.ndarray]
) -> None:
    stamps = [k * 40 + (k % 4) * 7 for k in range(30)]
    source = write(tmp_path / "uneven.mkv", frames[:30], stamps)
    output = tmp_path / "a.mkv"
    result = dubber.dub(source, speech(2), output)
    times = [frame.time * 1000 for frame in read(output)]
    assert times[:30] == stamps
    assert times[30:] == [2 * stamps[-1] - stamp for stamp in reversed(stamps[:-1])][: len(times) - 30]
    assert len(times) > 45
    assert result.num_repainted == len(times)


def test_a_photo_speaks(dubber: Dubber, speech: Callable[..., Path], tmp_path: Path, frames: list[np.ndarray]) -> None:
    picture = tmp_path / "photo.png"
    with av.open(str(picture), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.height, stream.width, stream.pix_fmt = 288, 360, "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(frames[3], format="rgb24")))
        container.mux(stream.encode(None))
    output = tmp_path / "a.mp4"
    result = dubber.dub(picture, speech(2), output)
    written = read(output)
    assert len(written) == result.num_repainted == 50
    assert result.decisions == ()
    mouths = [frame.image[150:260, 120:240].astype(int) for frame in written]
    assert np.abs(mouths[10] - mouths[30]).max() > 10  # it moves
    assert np.abs(written[10].image[:80].astype(int) - written[30].image[:80]).max() < 12


def test_audio_offset_shows_later_sound_earlier(
    dubber: Dubber, speech: Callable[..., Path], track_file: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"track": track_file, "encoding": LOSSLESS, "close_in_silence": False}
    dubber.dub(FACE, speech(2), tmp_path / "offset.mkv", audio_offset=400, **options)
    dubber.dub(FACE, speech(2, start=0.4), tmp_path / "shifted.mkv", **options)
    dubber.dub(FACE, speech(2), tmp_path / "plain.mkv", **options)
    offset, shifted, plain = (
        np.stack([frame.image for frame in read(tmp_path / f"{name}.mkv")]).astype(int)
        for name in ("offset", "shifted", "plain")
    )
    # The colour match remembers the first frames, whose sound is not quite the same.
    assert np.abs(offset[15:35] - shifted[15:35]).max() <= 6
    assert np.abs(offset[15:35] - plain[15:35]).max() > 20
    assert np.array_equal(read_samples(tmp_path / "offset.mkv", RATE, 1), read_samples(speech(2), RATE, 1))


def test_the_same_job_gives_the_same_file(
    dubber: Dubber, weights: Path, speech: Callable[..., Path], tmp_path: Path
) -> None:
    dubber.dub(FACE, speech(1), tmp_path / "a.mkv", save_track=tmp_path / "face.npz")
    visavox.dub(FACE, speech(1), tmp_path / "b.mkv", model=weights, track=tmp_path / "face.npz")
    first, second = read(tmp_path / "a.mkv"), read(tmp_path / "b.mkv")
    assert all(np.array_equal(one.image, two.image) for one, two in zip(first, second, strict=True))


def test_all_faces_speak(dubber: Dubber, speech: Callable[..., Path], tmp_path: Path, frames: list[np.ndarray]) -> None:
    source = write(tmp_path / "two.mkv", [np.concatenate([image, image[:, ::-1]], axis=1) for image in frames[:25]])
    output = tmp_path / "a.mkv"
    result = dubber.dub(source, speech(1), output, speaker="all", encoding=LOSSLESS)
    assert (result.num_faces, result.num_repainted) == (2, 25)
    for before, after in zip(read(source), read(output), strict=True):
        assert changed(after.image[:, :360], before.image[:, :360])
        assert changed(after.image[:, 360:], before.image[:, 360:])
    output = tmp_path / "b.mkv"
    dubber.dub(source, speech(1), output, face_box=(360, 0, 720, 288), encoding=LOSSLESS)
    for before, after in zip(read(source), read(output), strict=True):
        assert not changed(after.image[:, :360], before.image[:, :360])
        assert changed(after.image[:, 360:], before.image[:, 360:])


def test_a_broken_off_video_is_dubbed_up_to_the_break(
    dubber: Dubber,
    speech: Callable[..., Path],
    tmp_path: Path,
    frames: list[np.ndarray],
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole = write(tmp_path / "whole.mkv", frames)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    output = tmp_path / "a.mp4"
    result = dubber.dub(broken, speech(3), output, extend="stop")
    assert result.truncated
    assert any("breaks off" in decision for decision in result.decisions)
    assert 25 < result.num_frames == len(read(output)) < 75
    assert "breaks off" in caplog.text


def test_what_is_there_is_not_replaced(
    dubber: Dubber, speech: Callable[..., Path], track_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "a.mp4"
    output.write_bytes(b"precious")
    with pytest.raises(InputError, match="--overwrite"):
        dubber.dub(FACE, speech(1), output, track=track_file)
    assert output.read_bytes() == b"precious"
    dubber.dub(FACE, speech(1), output, track=track_file, overwrite=True)
    assert len(read(output)) == 25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": "red"}, "unknown option colour"),
        ({"mix": -500}, "mix is -500"),
        ({"extend": "bounce"}, "pingpong"),
        ({"speaker": "second"}, "leftmost"),
        ({"reference": "900"}, "reference frame 900"),
        ({"face_box": (400, 0, 500, 100)}, "beyond the image"),
        ({"save_track": "x.txt"}, "ends in .npz"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_what_cannot_work_is_said_before_the_work(
    dubber: Dubber,
    speech: Callable[..., Path],
    tmp_path: Path,
    options: dict[str, Any],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("visavox.dubbing.pipeline.find_tracks", lambda *_: pytest.fail("the work began"))
    with pytest.raises(InputError, match=message):
        dubber.dub(FACE, speech(1), tmp_path / "a.mp4", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_codec_that_does_not_fit_is_said_before_the_work(
    dubber: Dubber, speech: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visavox.dubbing.pipeline.find_tracks", lambda *_: pytest.fail("the work began"))
    for name, encoding in (("a.webm", Encoding(video_codec="h264")), ("a.mov", Encoding(audio_codec="opus"))):
        with pytest.raises(InputError, match="cannot hold"):
            dubber.dub(FACE, speech(1), tmp_path / name, encoding=encoding)
    assert list(tmp_path.iterdir()) == []


def test_a_track_of_another_video_is_refused(
    dubber: Dubber, speech: Callable[..., Path], track_file: Path, tmp_path: Path, frames: list[np.ndarray]
) -> None:
    source = write(tmp_path / "other.mkv", [np.ascontiguousarray(frame[:, :320]) for frame in frames[:30]])
    with pytest.raises(InputError, match="320"):
        dubber.dub(source, speech(1), tmp_path / "a.mp4", track=track_file)
    source = write(tmp_path / "faster.mkv", frames, [k * 33 for k in range(75)])
    with pytest.raises(InputError, match="25 frames a second"):
        dubber.dub(source, speech(1), tmp_path / "a.mp4", track=track_file)
    assert not (tmp_path / "a.mp4").exists()


def test_the_command_reports(
    weights: Path, speech: Callable[..., Path], track_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a.mp4"
    arguments = ["dub", str(FACE), str(speech(1)), "-o", str(output), "--model", str(weights)]
    assert main([*arguments, "--track", str(track_file), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["output"] == str(output)
    assert report["num_repainted"] == 25
    assert main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*arguments, "--overwrite", "--face-box", "100,50,280,280"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "25 of 25 frames repainted" in said.err
    assert "2.00 s longer" in said.err
    assert main(["dub", str(FACE), str(speech(1)), "-o", "-", "--json"]) == 2
    assert "standard output" in capsys.readouterr().err


def test_the_result_goes_through_a_pipe(
    weights: Path, speech: Callable[..., Path], track_file: Path, tmp_path: Path
) -> None:
    arguments = ["dub", str(FACE), "-", "-o", "-", "--model", str(weights), "--track", str(track_file), "--quiet"]
    with open(speech(1), "rb") as sound:
        done = subprocess.run(
            [sys.executable, "-m", "visavox", *arguments], stdin=sound, capture_output=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr
    output = tmp_path / "piped.mkv"
    output.write_bytes(done.stdout)
    assert len(read(output)) == 25
    assert len(read_samples(output, RATE, 1)) == pytest.approx(RATE, abs=1200)


def test_mixing_keeps_the_original_under_the_speech(
    dubber: Dubber, speech: Callable[..., Path], track_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "a.mkv"
    dubber.dub(FACE, speech(2), output, track=track_file, mix=-6.0, encoding=Encoding(audio_codec="flac"))
    mixed = read_samples(output, RATE, 1)[: 2 * RATE, 0]
    expected = read_audio(speech(2)) + read_audio(FACE)[: 2 * RATE] * 10 ** (-6 / 20)
    assert np.abs(mixed - expected.clip(-1, 1)).max() < 0.01


def test_the_attention_network_dubs(
    speech: Callable[..., Path],
    track_file: Path,
    tmp_path: Path,
    frames: list[np.ndarray],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its weights file alone says which network it is; here one that bends its reference and paints by motion."""
    torch.manual_seed(3)
    model = build_generator(ATTN_CONFIG).eval()
    randomize_warp(model, 0.2)
    last = part(model, "renderer.output_block.1", torch.nn.Conv2d)
    torch.nn.init.zeros_(present(last.bias))  # half of the colours over the reference
    weights, output = tmp_path / "attn.safetensors", tmp_path / "a.mkv"
    card = ModelCard("learned nothing", "not trained", "Apache-2.0")
    save_model(weights, model, card)
    arguments = ["dub", str(FACE), str(speech(1)), "-o", str(output), "--model", str(weights)]
    assert main([*arguments, "--track", str(track_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["num_repainted"] == 25
    images = [frame.image for frame in read(output)]
    assert len(images) == 25
    assert all(changed(image, frame) for image, frame in zip(images, frames, strict=False))
