import threading
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.media.media_samples import make_video, number_of

from visavox.demo import FACE
from visavox.dubbing import playback
from visavox.dubbing.playback import Player, Timeline, plan_timeline, read_indices
from visavox.dubbing.settings import Extend, Tail
from visavox.errors import InputError
from visavox.media import VideoReader, probe
from visavox.media.segment import SegmentReader
from visavox.runtime.background import Background
from visavox.types import Frame

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "h264 with b-frames": ("clip.mp4", {"options": {"g": "30", "bf": "3"}}),
    "one key frame": ("clip.mkv", {"options": {"g": "1000", "keyint_min": "1000"}}),
    "all key frames": ("clip.mov", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
    "mpeg program stream": ("clip.mpg", {"codec": "mpeg2video", "rate": 25}),
    "transport stream": ("clip.ts", {"options": {"g": "12"}}),
    "vp9": ("clip.webm", {"codec": "libvpx-vp9"}),
    "gif": ("clip.gif", {"codec": "gif", "pixel_format": "rgb8"}),
    "uneven times": (
        "uneven.mkv",
        {"stamps": [k * 40 + (k % 3) * 9 for k in range(70)], "time_base": Fraction(1, 1000)},
    ),
}
PERIOD = Fraction(1, 25)
TIMES = tuple(k * PERIOD for k in range(50))  # 2 s


@pytest.fixture(params=KINDS)
def video(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name, settings = KINDS[request.param]
    path = tmp_path / name
    make_video(path, num_frames=70, **settings)
    return path


def read_all(path: Path) -> list[Frame]:
    with VideoReader(path) as reader:
        return list(reader)


def test_segments_are_the_frames_themselves(video: Path) -> None:
    frames = read_all(video)
    times = [frame.time for frame in frames]
    with SegmentReader(probe(video)) as reader:
        for start, stop in ((60, 70), (33, 41), (0, 5), (69, 70), (28, 33), (0, 0)):
            images = reader.read(times[start:stop])
            assert len(images) == stop - start
            assert all(np.array_equal(a, b.image) for a, b in zip(images, frames[start:stop], strict=True))


def test_pingpong_plays_every_frame_in_order(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = read_all(video)
    times = [frame.time for frame in frames]
    timeline = plan_timeline(times, Fraction(1, 25), times[-1] * 2 + 1, extend="pingpong", tail="cut")
    for memory in (64 * 48 * 3 * 16, 1 << 30):  # read in pieces, and from the cache
        monkeypatch.setattr(playback, "_MEMORY", memory)
        played = list(Player(probe(video), times, timeline))
        assert [moment for moment, _ in played] == list(timeline.moments())
        for moment, image in played:
            assert np.array_equal(image, frames[moment.frame].image)


@pytest.mark.parametrize("extend", ["loop", "freeze", "pingpong"])
def test_what_the_caller_paints_on_a_frame_does_not_come_back(extend: Extend) -> None:
    info = probe(FACE)
    times = [frame.time for frame in read_all(FACE)]
    timeline = plan_timeline(times, Fraction(1, 25), Fraction(8), extend=extend, tail="cut")
    for _, image in Player(info, times, timeline):
        assert image.max() > 0
        image[:] = 0


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the video, no more frames are read at a time than were allowed for."""
    path = tmp_path / "long.mp4"
    make_video(path, num_frames=200)
    times = [frame.time for frame in read_all(path)]
    lengths: list[int] = []

    class CountingReader(SegmentReader):
        def read(self, times: Sequence[Fraction]) -> list[np.ndarray]:
            lengths.append(len(times))
            return super().read(times)

    monkeypatch.setattr(playback, "SegmentReader", CountingReader)
    monkeypatch.setattr(playback, "_MEMORY", 64 * 48 * 3 * 10)
    timeline = plan_timeline(times, Fraction(1, 25), Fraction(16), extend="pingpong", tail="cut")
    assert len(list(Player(probe(path), times, timeline))) == 400
    assert sum(lengths) == 199
    assert max(lengths) == 10


def test_single_frames(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    make_video(path, num_frames=60, options={"g": "12"})
    times = [frame.time for frame in read_all(path)]
    wanted = [0, 1, 30, 31, 33, 59]
    found = list(read_indices(probe(path), times, wanted))
    assert [index for index, _ in found] == wanted
    assert [number_of(image) for _, image in found] == wanted


def test_a_track_of_another_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    make_video(path, num_frames=20, rate=30)
    times = [Fraction(k, 25) for k in range(20)]
    timeline = plan_timeline(times, Fraction(1, 25), Fraction(1), extend="stop", tail="cut")
    with pytest.raises(InputError, match="does not fit"):
        list(Player(probe(path), times, timeline))


def test_background_gives_everything_in_order() -> None:
    with Background(iter(range(1000)), 3, "test") as items:
        assert list(items) == list(range(1000))


def test_background_hands_errors_on() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise InputError("the disk is full")

    with Background(failing(), 3, "test") as items:
        iterator = iter(items)
        assert next(iterator) == 1
        with pytest.raises(InputError, match="disk is full"):
            next(iterator)


def test_background_stops_when_left() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    with Background(endless(), 2, "test") as items:
        next(iter(items))
    assert closed.is_set()
    assert not any(thread.name == "visavox-test" for thread in threading.enumerate())


def plan(
    speech: Fraction | int,
    extend: Extend = "pingpong",
    tail: Tail = "cut",
    times: tuple[Fraction, ...] = TIMES,
    period: Fraction = PERIOD,
) -> Timeline:
    return plan_timeline(times, period, Fraction(speech), extend=extend, tail=tail)


@pytest.mark.parametrize("extend", ["pingpong", "loop", "freeze"])
@pytest.mark.parametrize("speech", [2, 3, Fraction("7.013"), Fraction("2.02")])
def test_extended_video_ends_with_the_sound(extend: Extend, speech: Fraction | int) -> None:
    moments = list(plan(speech, extend).moments())
    steps = {later.time - earlier.time for earlier, later in pairwise(moments)}
    assert steps == {PERIOD}
    assert moments[-1].time < speech <= moments[-1].time + PERIOD


def test_pingpong_never_jumps_and_never_stutters() -> None:
    indices = [moment.frame for moment in plan(9).moments()]
    steps = [abs(later - earlier) for earlier, later in pairwise(indices)]
    assert set(steps) == {1}
    assert indices[:50] == list(range(50))
    assert indices[50] == 48
    assert min(indices[50:]) == 0
    assert len(indices) == 225


def test_pingpong_mirrors_uneven_times() -> None:
    times = tuple(Fraction(k) for k in (0, 1, 3, 4, 8))
    moments = list(plan(24, times=times, period=Fraction(1)).moments())
    assert [(moment.frame, int(moment.time)) for moment in moments] == [
        (0, 0), (1, 1), (2, 3), (3, 4), (4, 8),
        (3, 12), (2, 13), (1, 15), (0, 16),
        (1, 17), (2, 19), (3, 20),
    ]  # fmt: skip


def test_loop_begins_again_after_the_last_frame() -> None:
    indices = [moment.frame for moment in plan(5, "loop").moments()]
    assert indices == [k % 50 for k in range(125)]


def test_freeze_holds_the_last_frame() -> None:
    indices = [moment.frame for moment in plan(3, "freeze").moments()]
    assert indices == [*range(50), *[49] * 25]


def test_stop_cuts_the_sound() -> None:
    timeline = plan(5, "stop")
    assert (timeline.num_frames, timeline.duration) == (50, Fraction(2))
    assert "3.00 s shorter" in timeline.decisions[0]
    assert "sound was cut" in timeline.decisions[0]


@pytest.mark.parametrize("extend", ["pingpong", "loop", "freeze", "stop"])
def test_picture_stands_as_long_as_the_sound(extend: Extend) -> None:
    timeline = plan(Fraction("1.5"), extend, times=(Fraction(0),))
    assert [moment.frame for moment in timeline.moments()] == [0] * 38
    assert timeline.decisions == ()


def test_tail_is_cut_and_said() -> None:
    timeline = plan(1)
    assert timeline.num_frames == 25
    assert timeline.duration == 1
    assert "1.00 s longer" in timeline.decisions[0]


@pytest.mark.parametrize("tail", ["original", "silent"])
def test_tail_is_kept(tail: Tail) -> None:
    timeline = plan(1, tail=tail)
    assert (timeline.num_frames, timeline.duration, timeline.speech_end) == (50, Fraction(2), Fraction(1))


def test_less_than_a_frame_is_no_difference() -> None:
    for speech in (Fraction("1.97"), Fraction("2.03")):
        assert plan(speech).decisions == ()
    assert plan(Fraction("1.97")).num_frames == 50
    assert plan(Fraction("2.03"), "stop").num_frames == 50
