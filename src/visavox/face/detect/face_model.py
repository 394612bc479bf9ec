"""The interface of a tracker's neural network: finding faces, and measuring one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from visavox.face.detect.region import Region


@dataclass(frozen=True)
class Observation:
    """One face, seen in one picture."""

    landmarks: np.ndarray
    """float32 (478, 3): x and y in pixels (a whole number is the centre of a pixel), z in the same scale."""
    score: float
    """How sure it is that this is a face, 0-1."""


@dataclass(frozen=True)
class Detection:
    """A box in which a face was detected."""

    region: Region
    """The square to look at."""
    score: float
    """How sure the detector is, 0-1."""


class FaceModel(Protocol):
    """The networks behind a tracker. Pictures are uint8 RGB (H, W, 3); nothing is remembered between calls."""

    def detect(self, image: np.ndarray, *, near: bool = True) -> list[Detection]:
        """Find faces that take more than about a tenth of the picture, surest first.

        With `near` false, faces that fill or overflow the picture may be missed, and it may be faster.
        """
        ...

    def measure(self, image: np.ndarray, region: Region) -> Observation | None:
        """Find the landmarks of the face in a region; None if there is none."""
        ...

    def close(self) -> None:
        """Free the networks."""
        ...
