"""`visavox dub` with everything that cannot work: exit code 2, one line that helps, no file under the final name."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from visavox.cli.main import main
from visavox.demo import FACE, SPEECH

RATE = 16000


def write_video(path: Path, pictures: int = 12, *, sound: bool = False) -> Path:
    """Write a video of a grey gradient: no face anywhere."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        speech = container.add_stream("aac", rate=RATE, layout="mono") if sound else None
        ramp = np.linspace(40, 200, 160, dtype=np.uint8)
        image = np.repeat(np.broadcast_to(ramp, (120, 160))[..., None], 3, axis=2)
        for index in range(pictures):
            frame = av.VideoFrame.from_ndarray(np.roll(image, index, axis=1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if speech is not None:
            silence = np.zeros((1, RATE), dtype=np.float32)
            second = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            second.rate = RATE
            container.mux(speech.encode(second))
            container.mux(speech.encode(None))
    return path


def write_sound(path: Path, samples: int) -> Path:
    """Write a hum of so many samples; 0 gives a sound file without sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        if samples:
            hum = (3000 * np.sin(np.arange(samples) / 20)).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(hum, format="s16", layout="mono")
            frame.rate = RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Things that are no use as input, by name; `out` is a folder for results."""
    folder = tmp_path_factory.mktemp("bad input")
    text = folder / "notes.txt"
    text.write_text("this is not a video\n" * 50)
    disguised = folder / "notes.mp4"
    shutil.copy(text, disguised)
    empty = folder / "empty.mp4"
    empty.touch()
    corrupt = folder / "corrupt.safetensors"
    corrupt.write_bytes(b"\x00\x10\x00\x00\x00\x00\x00\x00{" + bytes(100))
    page = folder / "page.safetensors"
    page.write_text("<!DOCTYPE html><html>Quota exceeded</html>")
    existing = folder / "existing.mp4"
    existing.write_bytes(b"precious")
    (folder / "out").mkdir()
    return {
        "face": str(FACE),
        "speech": str(SPEECH),
        "text": str(text),
        "disguised": str(disguised),
        "empty": str(empty),
        "corrupt": str(corrupt),
        "page": str(page),
        "existing": str(existing),
        "folder": str(folder),
        "out": str(folder / "out"),
        "missing": str(folder / "missing.mp4"),
        "faceless": str(write_video(folder / "faceless.mp4", sound=True)),
        "silent": str(write_video(folder / "silent.mp4")),
        "mute": str(write_sound(folder / "mute.wav", 0)),
        "hum": str(write_sound(folder / "hum.wav", RATE)),
    }


# (what is wrong, arguments, words that the message must have); {name} stands for a file of the fixture above.
CASES = [
    ("no such face", ["{missing}", "{speech}", "-o", "{out}/a.mp4"], ["missing.mp4", "no such file"]),
    ("no such sound", ["{face}", "{missing}", "-o", "{out}/a.mp4"], ["missing.mp4", "no such file"]),
    ("face is a folder", ["{folder}", "{speech}", "-o", "{out}/a.mp4"], ["is a directory"]),
    ("sound is a folder", ["{face}", "{folder}", "-o", "{out}/a.mp4"], ["is a directory"]),
    ("face is empty", ["{empty}", "{speech}", "-o", "{out}/a.mp4"], ["empty.mp4", "empty"]),
    ("sound is empty", ["{face}", "{empty}", "-o", "{out}/a.mp4"], ["empty.mp4", "empty"]),
    ("face is a text", ["{text}", "{speech}", "-o", "{out}/a.mp4"], ["notes.txt"]),
    ("face is a text called mp4", ["{disguised}", "{speech}", "-o", "{out}/a.mp4"], ["notes.mp4"]),
    ("sound is a text", ["{face}", "{text}", "-o", "{out}/a.mp4"], ["notes.txt"]),
    ("face is a sound", ["{hum}", "{speech}", "-o", "{out}/a.mp4"], ["hum.wav"]),
    ("sound is a silent video", ["{face}", "{silent}", "-o", "{out}/a.mp4"], ["silent.mp4"]),
    ("sound of no length", ["{face}", "{mute}", "-o", "{out}/a.mp4"], ["mute.wav"]),
    ("no face anywhere", ["{faceless}", "{hum}", "-o", "{out}/a.mp4"], ["face", "faceless.mp4"]),
    ("no such output folder", ["{face}", "{speech}", "-o", "{out}/none/a.mp4"], ["none"]),
    ("output folder is a file", ["{face}", "{speech}", "-o", "{text}/a.mp4"], ["notes.txt"]),
    ("output folder takes no files", ["{face}", "{speech}", "-o", "/proc/a.mp4"], ["/proc"]),
    ("output is a folder", ["{face}", "{speech}", "-o", "{out}"], ["is a directory"]),
    ("output of unknown kind", ["{face}", "{speech}", "-o", "{out}/a.doc"], [".doc", ".mp4"]),
    ("output exists", ["{face}", "{speech}", "-o", "{existing}"], ["existing.mp4", "--overwrite"]),
    ("output is the face", ["{faceless}", "{speech}", "-o", "{faceless}", "--overwrite"], ["faceless.mp4"]),
    ("output is the sound", ["{face}", "{silent}", "-o", "{silent}", "--overwrite"], ["silent.mp4"]),
    ("unknown model", ["{face}", "{speech}", "-o", "{out}/a.mp4", "--model", "wav3lip"], ["wav3lip", "wav2lip"]),
    ("corrupt weights", ["{face}", "{speech}", "-o", "{out}/a.mp4", "--model", "{corrupt}"], ["corrupt.safetensors"]),
    ("weights are a web page", ["{face}", "{speech}", "-o", "{out}/a.mp4", "--model", "{page}"], ["page.safetensors"]),
    ("unknown value", ["{face}", "{speech}", "-o", "{out}/a.mp4", "--extend", "bounce"], ["bounce", "pingpong"]),
    ("unknown option", ["{face}", "{speech}", "-o", "{out}/a.mp4", "--quality", "9"], ["--quality"]),
    ("unknown face", ["{face}", "{speech}", "-o", "{out}/a.mp4", "--face", "prettiest"], ["prettiest", "largest"]),
    ("no such face number", ["{face}", "{hum}", "-o", "{out}/a.mp4", "--face", "7"], ["7"]),
    ("box without area", ["{face}", "{hum}", "-o", "{out}/a.mp4", "--face-box", "9,9,5,5"], ["9"]),
    ("no output", ["{face}", "{speech}"], ["--output"]),
]


@pytest.mark.parametrize(("argv", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_bad_input(argv: list[str], words: list[str], files: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    before = sorted(Path(files["folder"]).rglob("*"))
    code = main(["dub", *(word.format(**files) for word in argv)])
    said = capfd.readouterr()
    assert code == 2, said.err
    assert said.err.startswith("visavox: error: ")
    assert said.err.count("\n") == 1, said.err
    assert said.out == ""
    assert all(word in said.err for word in words), said.err
    assert sorted(Path(files["folder"]).rglob("*")) == before
    assert Path(files["existing"]).read_bytes() == b"precious"


def start_dub(*argv: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "visavox", "dub", *argv]
    return subprocess.Popen(command, text=True, stderr=subprocess.PIPE, **options)


def wait_for_part(folder: Path, process: subprocess.Popen[str], size: int) -> None:
    """Wait until the temporary file of the result has grown to `size` bytes."""
    deadline = time.monotonic() + 100
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            if any(part.stat().st_size >= size for part in folder.iterdir()):
                return
        time.sleep(0.005)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("size", [0, 20_000], ids=["at once", "in the middle"])
def test_interrupted(tmp_path: Path, size: int) -> None:
    with start_dub(str(FACE), str(SPEECH), "-o", str(tmp_path / "a.mp4")) as process:
        wait_for_part(tmp_path, process, size)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "visavox: interrupted\n"
    assert not list(tmp_path.iterdir())


def can_mount() -> bool:
    probe = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        shutil.which("unshare") is not None and subprocess.run(probe, capture_output=True, check=False).returncode == 0
    )


def test_full_disk(tmp_path: Path, files: dict[str, str]) -> None:
    """A file system of 16 KiB, far smaller than the result."""
    if not can_mount():
        pytest.skip("needs the right to mount a file system in a namespace of its own")
    script = (
        'mount -t tmpfs -o size=16k tmpfs "$1" || exit 99; shift; "$@"; code=$?; ls -A "$(dirname "$8")"; exit $code'
    )
    dub = [sys.executable, "-m", "visavox", "dub", files["face"], files["hum"], "-o", str(tmp_path / "a.mp4")]
    namespace = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(tmp_path)]
    done = subprocess.run([*namespace, *dub], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("visavox: error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_reader_of_standard_output_went_away(files: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with start_dub(files["face"], files["hum"], "-o", "-", stdout=writing) as process:
        os.close(writing)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 2, said
    assert said.startswith("visavox: error: ")
    assert said.count("\n") == 1, said


def write_broken_video(path: Path) -> Path:
    """Write the face as an MP4 that says at its beginning how long it is, and lose its second half."""
    whole = path.with_stem("whole")
    with av.open(str(FACE)) as source, av.open(str(whole), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 360, 288, "yuv420p"
        for frame in source.decode(video=0):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")))
        container.mux(stream.encode(None))
    data = whole.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    whole.unlink()
    return path


def test_video_that_breaks_off_is_dubbed_up_to_the_break(
    tmp_path: Path, files: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    broken = write_broken_video(tmp_path / "broken.mp4")
    result = tmp_path / "a.mp4"
    assert main(["dub", str(broken), files["speech"], "-o", str(result), "--extend", "stop"]) == 0
    said = capfd.readouterr().err
    assert "warning" in said
    assert "broken.mp4" in said
    assert "breaks off" in said
    with av.open(str(result)) as container:
        num_frames = sum(1 for _ in container.decode(video=0))
    assert 15 < num_frames < 60, "of 75, about the first half is there"
