"""What a user can choose about a person's data set. Settings only: nothing heavy is loaded here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from visavox.errors import InputError

SIZES = (128, 256, 512)
"""Sides of stored pictures."""

DEFAULT_SIZE = 256
"""Side of stored pictures where nothing was chosen."""


@dataclass(frozen=True)
class DataSettings:
    """How footage becomes a person's data set."""

    size: int | None = None
    """Side of the square pictures in pixels: 128, 256 or 512. By default that of the preset, or 256 without one."""
    margin: float = 2.3
    """Side of the square that is cut out, in heights of the face from forehead to chin; less where the video ends."""
    minimum_seconds: float = 20.0
    """Least footage with the face in it, in seconds: less is too little to learn a person from."""
    test_share: float = 0.1
    """Share of the frames, the last in time, that is kept for measuring."""
    pose_smoothing: float = 1.5
    """Standard deviation, in frames, with which the pose of the head is smoothed over time."""
    masks: Path | None = None
    """Folder of masks of your own in place of the network's: 000012.png for frame 12, in a folder of the video's name
    or in this one; grey for the person, or red for the head and green for torso and neck."""
    force: bool = False
    """Go on although a check of the footage failed."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.size is not None and self.size not in SIZES:
            raise InputError(f"size is {self.size}; give {', '.join(map(str, SIZES[:-1]))} or {SIZES[-1]}")
        if not 1.2 <= self.margin <= 6:
            raise InputError(
                f"margin is {self.margin:g}; give 1.2 (little more than the face) to 6 heights of the face"
            )
        if self.minimum_seconds <= 0:
            raise InputError(f"minimum_seconds is {self.minimum_seconds:g}; give more than 0")
        if not 0 < self.test_share <= 0.5:
            raise InputError(f"test_share is {self.test_share:g}; give more than 0 and at most 0.5, such as 0.1")
        if not 0 <= self.pose_smoothing <= 12:
            raise InputError(f"pose_smoothing is {self.pose_smoothing:g}; give 0 (none) to 12 frames")

    @property
    def side(self) -> int:
        """Side of the square pictures in pixels, chosen or not."""
        return self.size or DEFAULT_SIZE
