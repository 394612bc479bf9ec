"""Settings of a person's data set. Nothing heavy is loaded here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from visavox.errors import InputError
from visavox.runtime.ranges import Range, check_ranges

SIZES = (128, 256, 512)
"""Sides of stored images."""

DEFAULT_SIZE = 256
"""Side of stored images where nothing was chosen."""


@dataclass(frozen=True)
class DataSettings:
    """Size, crop and checks of a person's data set."""

    size: int | None = None
    """Side of the square images in pixels: 128, 256 or 512. By default that of the preset, or 256 without one."""
    margin: Annotated[float, Range(1.2, 6, unit="heights of the face", lowest="little more than the face")] = 2.3
    """Side of the square that is cut out, in heights of the face from forehead to chin; less where the video ends."""
    minimum_seconds: Annotated[float, Range(above=0)] = 20.0
    """Least length of video with the face in it, in seconds: less is too little to learn a person from."""
    test_share: Annotated[float, Range(above=0, maximum=0.5, example=0.1)] = 0.1
    """Share of the frames, the last in time, that is kept for measuring."""
    pose_smoothing: Annotated[float, Range(0, 12, unit="frames", lowest="none")] = 1.5
    """Standard deviation, in frames, with which the pose of the head is smoothed over time."""
    masks: Path | None = None
    """Folder of masks of your own in place of the network's: 000012.png for frame 12, in a folder of the video's name
    or in this one; grey for the person, or red for the head and green for torso and neck."""
    force: bool = False
    """Go on although a check of the video failed."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)
        if self.size is not None and self.size not in SIZES:
            raise InputError(f"size is {self.size}; give {', '.join(map(str, SIZES[:-1]))} or {SIZES[-1]}")

    @property
    def side(self) -> int:
        """Side of the square images in pixels, chosen or not."""
        return self.size or DEFAULT_SIZE
