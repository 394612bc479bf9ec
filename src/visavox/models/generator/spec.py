"""Contract of a generator: the crop that it sees, the audio that drives it, the region that it regenerates.

The contract travels in the weights file, so a file loads with no other information, and it is all that training,
dubbing and evaluation know of a generator. Reading it needs no torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from visavox.face.geometry.crop import CropSpec

if TYPE_CHECKING:
    from torch import Tensor

Faces = TypeVar("Faces", np.ndarray, "Tensor")


@dataclass(frozen=True)
class AudioSpec:
    """Audio features of one video frame: which rows of which feature set.

    Row k of a feature set describes the audio at k / `rate` seconds (`visavox.audio.features` says at which sample
    exactly). A frame shown at t seconds is driven by the rows from floor(rate * t) - `lead` on, `window` of them.
    """

    features: str = "mel"
    """Name of the feature set, as `visavox.speech.load_features` takes it: mel, mel-pitch, whisper-base-3, ..."""
    size: int = 80
    """Numbers of one row."""
    rate: int = 80
    """Rows a second; the mel of Wav2Lip has 80, all other sets have 50."""
    window: int = 16
    """Rows of one video frame."""
    lead: int = 0
    """Rows of the window that come before the frame."""

    def __post_init__(self) -> None:
        """Refuse windows without rows, and features without numbers.

        Raises:
            ValueError: a number is out of range.
        """
        for name in ("size", "rate", "window"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")

    @property
    def look_ahead(self) -> Fraction:
        """Seconds of audio that are needed after the moment of a frame; never below 0."""
        return Fraction(max(0, self.window - self.lead), self.rate)

    def first_row(self, time: Fraction | float) -> int:
        """Return the first row of the window for a frame shown at `time` seconds; below 0 before the recording."""
        return math.floor(self.rate * time) - self.lead

    def rows_at(self, rows: np.ndarray, time: Fraction | float, silence: np.ndarray) -> np.ndarray:
        """Cut the window of a frame out of the rows of a recording.

        Args:
            rows: (C, M), a row in each column, as networks take them.
            time: seconds at which the frame is shown.
            silence: (C,), the row of what lies outside of the recording.

        Returns:
            (C, window), a copy.
        """
        start = self.first_row(time)
        cut = np.repeat(silence.astype(rows.dtype)[:, None], self.window, axis=1)
        first, last = max(start, 0), min(start + self.window, rows.shape[1])
        if first < last:
            cut[:, first - start : last - start] = rows[:, first:last]
        return cut


@dataclass(frozen=True)
class RegionSpec:
    """Part of the crop that a generator regenerates."""

    kind: Literal["lower-half"] = "lower-half"
    """`lower-half`: the rows from half of the height down."""

    def top(self, height: int) -> int:
        """Return the first regenerated row of crops that are `height` pixels high."""
        return height // 2

    def hide(self, faces: Faces) -> Faces:
        """Set the regenerated part to 0: a generator must not see what it is to make.

        Args:
            faces: tensor (..., H, W) or array (..., H, W, C), of any type.

        Returns:
            A copy of the same shape, type and memory layout.
        """
        if isinstance(faces, np.ndarray):
            hidden = faces.copy()
            hidden[..., self.top(faces.shape[-3]) :, :, :] = 0
            return hidden
        masked = faces.clone()
        masked[..., self.top(faces.shape[-2]) :, :] = 0
        return masked

    def crop(self, faces: Faces) -> Faces:
        """Return the regenerated part alone: what discriminator, expert and metrics compare.

        Args:
            faces: tensor (..., H, W) or array (..., H, W, C), of any type.

        Returns:
            A view of shape (..., H - top, W) or (..., H - top, W, C).
        """
        if isinstance(faces, np.ndarray):
            return faces[..., self.top(faces.shape[-3]) :, :, :]
        return faces[..., self.top(faces.shape[-2]) :, :]


LOWER_HALF = RegionSpec()
"""The region of every generator today."""


@dataclass(frozen=True)
class GeneratorSpec:
    """Everything about a generator that its surroundings have to know."""

    crop: CropSpec = field(default_factory=CropSpec)
    """Part of the frame that it sees."""
    audio: AudioSpec | None = None
    """Audio features that drive it; None: it is driven by motion."""
    region: RegionSpec = LOWER_HALF
    """Part of the crop that it regenerates."""
    references: int = 1
    """Images of the same face that it is shown beside the target, K."""
    context: int = 1
    """Consecutive frames that are rendered together, T: temporal and diffusion models have more."""
    layered: bool = False
    """Gives a warp of the reference, colours and alpha, which can be composited at a larger size than it sees."""

    def __post_init__(self) -> None:
        """Refuse generators that see no reference or no frame.

        Raises:
            ValueError: a number is out of range.
        """
        for name in ("references", "context"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")
