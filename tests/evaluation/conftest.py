"""Small real videos, made from the bundled clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from visavox.media import AudioPlan, Encoding, VideoReader, VideoWriter, probe

DEMO = Path(__file__).parents[2] / "src" / "visavox" / "demo" / "face.mpg"
"""A real speaker: 3 s, 25 frames a second, 360x288, with sound."""


def write_video(
    path: Path, images: Iterator[np.ndarray], *, rate: int = 25, sound: Path | None = None, crf: int = 10
) -> Path:
    """Write pictures of the bundled clip's size as a video."""
    first = next(images)
    like = replace(
        probe(DEMO),
        path="",
        frame_rate=Fraction(rate),
        width=first.shape[1],
        height=first.shape[0],
        pixel_aspect=Fraction(1),
        time_base=Fraction(1, rate),
    )
    audio = None if sound is None else AudioPlan(speech=str(sound))
    with VideoWriter(path, like=like, audio=audio, encoding=Encoding(crf=crf), synthetic=False) as writer:
        writer.write(first, Fraction(0))
        for index, image in enumerate(images, 1):
            writer.write(image, Fraction(index, rate))
    return path


def demo_frames(num_frames: int) -> list[np.ndarray]:
    """Return the first frames of the bundled clip, uint8 RGB."""
    with VideoReader(DEMO) as reader:
        return [frame.image for frame, _ in zip(reader, range(num_frames), strict=False)]


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first second of the bundled clip, with its sound."""
    path = tmp_path_factory.mktemp("clips") / "short.mp4"
    return write_video(path, iter(demo_frames(25)), sound=DEMO)
