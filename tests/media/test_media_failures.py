"""Never half a file: interruptions, full disks, closed pipes; and standard input and output."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.media.media_samples import make_grid_clip, make_sound, make_video, number_of, pattern, tone
from tests.media.test_media_writer import copy, frames_of, only_file

import visavox
from visavox.errors import InputError
from visavox.media import AudioPlan, Encoding, VideoWriter, probe, read_audio
from visavox.media.audio_track import Mixer


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(visavox.__file__).parents[1])}


def test_existing_file_is_kept_until_the_new_one_is_whole(tmp_path: Path) -> None:
    source = make_video(tmp_path / "face.mp4", num_frames=5)
    old = tmp_path / "out.mp4"
    old.write_bytes(b"old")
    with pytest.raises(InputError, match="exists already"):
        copy(source, old)
    like = probe(source)
    with VideoWriter(old, like=like, overwrite=True) as writer:
        writer.write(pattern(0), Fraction(0))
        assert old.read_bytes() == b"old"
    assert probe(old).num_frames == 1


def test_link_to_a_result_stays_a_link(tmp_path: Path) -> None:
    source = make_video(tmp_path / "face.mp4", num_frames=2)
    (tmp_path / "store").mkdir()
    real = tmp_path / "store" / "real.mp4"
    real.write_bytes(b"old")
    (tmp_path / "out.mp4").symlink_to(real)
    copy(source, tmp_path / "out.mp4", overwrite=True)
    assert (tmp_path / "out.mp4").is_symlink()
    assert probe(real).num_frames == 2


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".webm"])
def test_nothing_is_left_after_an_interruption(tmp_path: Path, error: type[BaseException], extension: str) -> None:
    like = probe(make_video(tmp_path / "face.mp4", num_frames=5))

    def work() -> None:
        with VideoWriter(tmp_path / f"out{extension}", like=like) as writer:
            for index in range(30):
                writer.write(pattern(index), Fraction(index, 25))
            raise error

    with pytest.raises(error):
        work()
    assert only_file(tmp_path, "face.mp4")
    assert not [thread for thread in threading.enumerate() if thread.name == "visavox-encode"]


def test_failure_in_the_encoding_thread_reaches_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_video(tmp_path / "face.mp4", num_frames=5)
    speech = make_sound(tmp_path / "a.wav", tone(1.0, 16_000, 1), 16_000)
    audio = AudioPlan(str(speech))

    def fail(self: Mixer, num_samples: int) -> np.ndarray:
        raise RuntimeError("the mixer broke")

    def work() -> None:
        with VideoWriter(tmp_path / "out.mp4", like=probe(source), audio=audio) as writer:
            for index in range(200):
                writer.write(pattern(index), Fraction(index, 25))

    monkeypatch.setattr(Mixer, "read", fail)
    with pytest.raises(RuntimeError, match="the mixer broke"):
        work()
    assert only_file(tmp_path, "face.mp4", "a.wav")


INTERRUPTED = """
import signal, sys, threading, time
from fractions import Fraction
import numpy as np
from visavox.media import VideoWriter, probe
with VideoWriter(sys.argv[2], like=probe(sys.argv[1])) as writer:
    print("started", flush=True)
    for index in range(10_000_000):
        writer.write(np.zeros((48, 64, 3), np.uint8), Fraction(index, 25))
"""


def test_control_c_leaves_nothing(tmp_path: Path) -> None:
    import signal
    import time

    source = make_video(tmp_path / "face.mp4", num_frames=2)
    command = [sys.executable, "-c", INTERRUPTED, str(source), str(tmp_path / "out.mp4")]
    job = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert job.stdout is not None
    assert job.stdout.readline() == b"started\n"
    time.sleep(0.3)
    assert len(list(tmp_path.glob(".out.mp4.*.part.mp4"))) == 1
    job.send_signal(signal.SIGINT)
    _, messages = job.communicate(timeout=20)
    assert job.returncode != 0
    assert messages.rstrip().endswith(b"KeyboardInterrupt")
    assert only_file(tmp_path, "face.mp4")


def test_writing_after_the_end_is_refused(tmp_path: Path) -> None:
    like = probe(make_video(tmp_path / "face.mp4", num_frames=2))
    for end in ("close", "abort"):
        writer = VideoWriter(tmp_path / f"{end}.mp4", like=like)
        writer.write(pattern(0), Fraction(0))
        getattr(writer, end)()
        with pytest.raises(RuntimeError, match="already"):
            writer.write(pattern(1), Fraction(1))
    assert only_file(tmp_path, "face.mp4", "close.mp4")


def test_frames_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    like = probe(make_video(tmp_path / "face.mp4", num_frames=2))
    for image in (np.zeros((10, 10, 3), np.uint8), pattern(0).astype(np.float32)):
        with pytest.raises(ValueError, match="must be uint8"), VideoWriter(tmp_path / "out.mp4", like=like) as writer:
            writer.write(image, Fraction(0))
    with pytest.raises(InputError, match="no frame"), VideoWriter(tmp_path / "out.mp4", like=like):
        pass
    assert only_file(tmp_path, "face.mp4")


def write_noise(path: Path | str, like: Path, num_frames: int = 400) -> None:
    draw = np.random.default_rng(0)
    info = probe(like)
    with VideoWriter(path, like=info, encoding=Encoding(crf=0, preset="ultrafast")) as writer:
        for index in range(num_frames):
            image = draw.integers(0, 256, (info.height, info.width, 3), dtype=np.uint8)
            writer.write(image, Fraction(index, 25))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if done.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".mov"])
def test_full_disk(tmp_path: Path, small_disk: Path, extension: str) -> None:
    source = make_video(tmp_path / "face.mp4", num_frames=2, size=(160, 120))
    with pytest.raises(InputError, match="no space left on the disk"):
        write_noise(small_disk / f"out{extension}", source)
    assert only_file(small_disk)


def test_disk_that_fills_up_at_the_very_end(tmp_path: Path, small_disk: Path) -> None:
    """Half of the files end in the buffers: their sizes sweep over the size of the disk."""
    source = make_video(tmp_path / "face.mp4", num_frames=2, size=(160, 120))
    whole = tmp_path / "whole.mkv"
    write_noise(whole, source, 20)
    room = whole.stat().st_size
    ballast = small_disk / "ballast"
    for missing in (1, 200, 5_000):
        free = os.statvfs(small_disk)
        page = free.f_bsize
        ballast.write_bytes(bytes(max(0, free.f_bavail * page - (room - missing) // page * page)))
        with pytest.raises(InputError, match="no space left on the disk"):
            write_noise(small_disk / "out.mkv", source, 20)
        assert only_file(small_disk, "ballast")
        ballast.unlink()


LIMITED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.media.test_media_failures import write_noise
from visavox.errors import InputError
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    write_noise(sys.argv[2], Path(sys.argv[3]))
except InputError as error:
    print(error)
    sys.exit(2)
"""


def run_python(code: str, *arguments: str, **how: Any) -> subprocess.CompletedProcess[Any]:
    command = [sys.executable, "-c", code, *arguments]
    how = {"capture_output": True, **how}
    return subprocess.run(command, env=environment(), timeout=120, check=False, **how)


def test_file_that_may_not_grow(tmp_path: Path) -> None:
    source = make_video(tmp_path / "face.mp4", num_frames=2, size=(160, 120))
    done = run_python(LIMITED, str(Path(__file__).parent), str(tmp_path / "out.mp4"), str(source))
    assert done.returncode == 2, done.stderr
    assert b"largest file" in done.stdout
    assert only_file(tmp_path, "face.mp4")


STREAM = """
import sys
from visavox.errors import InputError
from visavox.media import AudioPlan, VideoReader, VideoWriter
try:
    with VideoReader("-") as reader:
        audio = AudioPlan("-") if reader.info.has_audio else None
        with VideoWriter("-", like=reader.info, audio=audio) as writer:
            for frame in reader:
                writer.write(frame.image, frame.time)
except InputError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".mpg"])
def test_standard_input_to_standard_output(tmp_path: Path, extension: str) -> None:
    if extension == ".mpg":
        source = make_grid_clip(tmp_path / "face.mpg", 20)
    else:
        source = make_video(tmp_path / f"face{extension}", num_frames=20, sound=tone(0.8))
    done = run_python(STREAM, input=source.read_bytes())
    assert done.returncode == 0, done.stderr
    result = tmp_path / "out.mkv"
    result.write_bytes(done.stdout)
    assert [number_of(frame.image) for frame in frames_of(result)] == list(range(20))
    assert len(read_audio(result)) / 16_000 == pytest.approx(0.8, abs=0.06)


def test_empty_standard_input(tmp_path: Path) -> None:
    done = run_python(STREAM, input=b"")
    assert done.returncode == 2
    assert b"standard input is empty" in done.stderr


def test_standard_output_that_is_full(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    source = make_video(tmp_path / "face.mp4", num_frames=20)
    with open("/dev/full", "wb") as full:
        done = run_python(STREAM, input=source.read_bytes(), stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 2, done.stderr
    assert b"no space left on the disk while writing standard output" in done.stderr
    assert b"Traceback" not in done.stderr


def test_reader_of_the_pipe_goes_away(tmp_path: Path) -> None:
    source = make_video(tmp_path / "face.mp4", num_frames=200, size=(160, 120))
    reading, writing = os.pipe()
    os.close(reading)
    done = run_python(STREAM, input=source.read_bytes(), stdout=writing, stderr=subprocess.PIPE, capture_output=False)
    os.close(writing)
    assert done.returncode == 2, done.stderr
    assert b"was closed by the program that reads it" in done.stderr
    assert b"Traceback" not in done.stderr


def test_named_pipe_is_read(tmp_path: Path) -> None:
    source = make_video(tmp_path / "face.mp4", num_frames=5)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    feeder = threading.Thread(target=lambda: pipe.write_bytes(source.read_bytes()))
    feeder.start()
    assert len(frames_of(pipe)) == 5
    feeder.join()


def test_sentences_for_errors_of_the_system() -> None:
    from visavox.media.output import write_failure

    assert "no space left" in str(write_failure(OSError(errno.EDQUOT, "quota"), "a.mp4"))
    assert "Input/output error" in str(write_failure(OSError(errno.EIO, "io"), "a.mp4"))
    assert write_failure(ValueError("no"), "a.mp4") is None


PEAK = """
import sys
from visavox.media import AudioPlan, VideoReader, VideoWriter
with VideoReader(sys.argv[1]) as reader:
    audio = AudioPlan(sys.argv[1], original=sys.argv[1], mix_level=-6)
    with VideoWriter(sys.argv[2], like=reader.info, audio=audio) as writer:
        for frame in reader:
            writer.write(frame.image, frame.time)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of memory is not told here")
    peaks = []
    for seconds in (2, 40):
        source = make_video(tmp_path / f"{seconds}.mkv", num_frames=25 * seconds, sound=tone(seconds, channels=1))
        done = run_python(PEAK, str(source), str(tmp_path / f"{seconds}.mp4"))
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] < 1.1 * peaks[0]
