"""Several videos side by side in one, to be watched together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from visavox.constants import FRAME_RATE
from visavox.errors import InputError
from visavox.evaluation.face_tiles import draw_label
from visavox.media import AudioPlan, Encoding, VideoInfo, VideoReader, VideoWriter, check_output, probe
from visavox.progress import QUIET, Progress
from visavox.types import Frame, PathLike


@dataclass(frozen=True)
class ComparisonSettings:
    """Layout of videos side by side."""

    labels: tuple[str, ...] = ()
    """A name for each video; none takes the names of the files."""
    height: int | None = None
    """Height of every video in the result, pixels; None: that of the tallest, at most 720."""
    columns: int | None = None
    """Videos in one row; None: all of them."""
    audio_from: int = 1
    """Number of the video, counted from 1, whose audio is heard; if it has none, the result is silent."""
    show_labels: bool = True
    """Write the names into the upper left corners."""


@dataclass(frozen=True)
class _Tile:
    """Place of one video in the result."""

    x: int
    y: int
    width: int
    height: int


def compare(
    videos: Sequence[PathLike],
    output: PathLike,
    *,
    settings: ComparisonSettings | None = None,
    encoding: Encoding | None = None,
    overwrite: bool = False,
    progress: Progress = QUIET,
) -> Path:
    """Write several videos (or images) side by side into one, with their names.

    The result has the highest frame rate among them and lasts as long as the longest; a shorter one stays on its
    last frame. Nothing is shifted: all begin with their first frame.

    Args:
        videos: two or more.
        output: the video to write.
        settings: layout, names, audio.
        encoding: how it is written.
        overwrite: replace an existing file.
        progress: the bar.

    Returns:
        The path of the result.

    Raises:
        InputError: a video cannot be read, the settings do not fit their number, or the output cannot be written.
    """
    settings, encoding = settings or ComparisonSettings(), encoding or Encoding()
    paths = [str(video) for video in videos]
    _check_settings(paths, settings)
    check_output(output, paths, overwrite)
    infos = [probe(path) for path in paths]
    rate = max((info.frame_rate for info in infos if not info.is_still), default=Fraction(FRAME_RATE))
    tiles, (width, height) = _lay_out(infos, settings)
    labels = _labels(paths, tiles, settings)
    sounding = infos[settings.audio_from - 1]
    audio = AudioPlan(speech=sounding.path) if sounding.has_audio else None
    like = _template(infos, rate, width, height)
    with ExitStack() as stack:
        writer = stack.enter_context(
            VideoWriter(output, like=like, audio=audio, encoding=encoding, overwrite=overwrite)
        )
        readers = [_Held(stack.enter_context(VideoReader(path)), info) for path, info in zip(paths, infos, strict=True)]
        total = max((info.duration * rate for info in infos if info.duration), default=None)
        bar = stack.enter_context(progress.bar("compare", None if total is None else math.ceil(total)))
        for index, images in enumerate(_in_time(readers, rate)):
            canvas = np.zeros((height, width, 3), np.uint8)
            for image, tile, label in zip(images, tiles, labels, strict=True):
                _place(canvas, image, tile, label)
            writer.write(canvas, index / rate)
            bar.update(1)
    return Path(output)


def _check_settings(paths: Sequence[str], settings: ComparisonSettings) -> None:
    if len(paths) < 2:
        raise InputError(f"{len(paths)} video given; name two or more to put side by side")
    if settings.labels and len(settings.labels) != len(paths):
        raise InputError(f"{len(settings.labels)} labels given for {len(paths)} videos; give one for each, or none")
    if not 1 <= settings.audio_from <= len(paths):
        raise InputError(f"audio of video {settings.audio_from} asked for; allowed are 1 to {len(paths)}")
    if settings.height is not None and not 16 <= settings.height <= 4320:
        raise InputError(f"a height of {settings.height} pixels; allowed are 16 to 4320")
    if settings.columns is not None and settings.columns < 1:
        raise InputError(f"{settings.columns} columns; allowed are 1 and more")


def _lay_out(infos: Sequence[VideoInfo], settings: ComparisonSettings) -> tuple[list[_Tile], tuple[int, int]]:
    """Place the videos in rows of one height; sizes are even, as 4:2:0 wants them."""
    height = settings.height or min(720, max(info.height for info in infos))
    height += height % 2
    columns = settings.columns or len(infos)
    tiles: list[_Tile] = []
    x = y = 0
    for number, info in enumerate(infos):
        if number and number % columns == 0:
            x, y = 0, y + height
        width = max(2, 2 * round(height * float(info.width * info.pixel_aspect / info.height) / 2))
        tiles.append(_Tile(x, y, width, height))
        x += width
    return tiles, (max(tile.x + tile.width for tile in tiles), y + height)


def _template(infos: Sequence[VideoInfo], rate: Fraction, width: int, height: int) -> VideoInfo:
    """Describe the result: size and rate of its own, square pixels, colours as in the first video."""
    return replace(
        infos[0],
        width=width,
        height=height,
        frame_rate=rate,
        num_frames=None,
        duration=None,
        rotation=0,
        pixel_aspect=Fraction(1),
        is_still=False,
        has_audio=False,
        variable_frame_rate=False,
        time_base=1 / rate,
        start_time=Fraction(0),
    )


def _labels(paths: Sequence[str], tiles: Sequence[_Tile], settings: ComparisonSettings) -> list[np.ndarray | None]:
    if not settings.show_labels:
        return [None] * len(paths)
    names = settings.labels or tuple(Path(path).stem for path in paths)
    return [
        draw_label(name, tile.width, max(12, tile.height // 16)) if name else None
        for name, tile in zip(names, tiles, strict=True)
    ]


class _Held:
    """A video that is asked what it shows at a time, asked in order; it stays on its last frame."""

    def __init__(self, reader: VideoReader, info: VideoInfo) -> None:
        self._frames = iter(reader)
        self._current: Frame = next(self._frames)
        self._next: Frame | None = next(self._frames, None)
        self.is_still = info.is_still
        self._period = 1 / info.frame_rate

    def at(self, time: Fraction) -> np.ndarray:
        while self._next is not None and self._next.time <= time:
            self._current = self._next
            self._next = next(self._frames, None)
        return self._current.image

    def over(self, time: Fraction) -> bool:
        """Tell whether the last frame's own time has passed; an image has none."""
        return self.is_still or (self._next is None and time >= self._current.time + self._period)


def _in_time(readers: Sequence[_Held], rate: Fraction) -> Iterator[list[np.ndarray]]:
    """Yield what all videos show at 0, 1 / rate, 2 / rate ... until the last of them is over."""
    index = 0
    while True:
        time = index / rate
        images = [reader.at(time) for reader in readers]
        if index and all(reader.over(time) for reader in readers):
            return
        yield images
        index += 1


def _place(canvas: np.ndarray, image: np.ndarray, tile: _Tile, label: np.ndarray | None) -> None:
    if image.shape[:2] != (tile.height, tile.width):
        flags = cv2.INTER_AREA if image.shape[0] > tile.height else cv2.INTER_CUBIC
        image = cv2.resize(image, (tile.width, tile.height), interpolation=flags)
    target = canvas[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
    target[:] = image
    if label is not None:
        target[: label.shape[0], : label.shape[1]] = label
