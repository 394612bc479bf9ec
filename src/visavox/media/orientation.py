"""Orientation of a stored image, and the turn that makes it upright."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame


@dataclass(frozen=True)
class Orientation:
    """The turn that makes a stored image upright: first the transposition, then the flips."""

    transposed: bool = False
    """Rows become columns."""
    flipped_x: bool = False
    """Left and right change places (after the transposition)."""
    flipped_y: bool = False
    """Top and bottom change places (after the transposition)."""

    @property
    def rotation(self) -> int:
        """Clockwise quarter turns that make the picture upright, in degrees: 0, 90, 180 or 270."""
        if self.transposed:
            return 90 if self.flipped_x else 270
        return 180 if self.flipped_y else 0

    def upright(self, image: np.ndarray) -> np.ndarray:
        """Turn a picture (H, W, C) upright; the result is contiguous."""
        if self.transposed:
            image = image.transpose(1, 0, 2)
        if self.flipped_x:
            image = image[:, ::-1]
        if self.flipped_y:
            image = image[::-1]
        return np.ascontiguousarray(image)


UPRIGHT = Orientation()
"""The picture is stored as it is seen."""


def orientation_from_matrix(matrix: Sequence[int]) -> Orientation:
    """Orientation of a display matrix of nine numbers (ISO/IEC 14496-12, 8.3.2): x' = ax + cy, y' = bx + dy.

    Turns that are no multiple of 90 degrees are taken as the nearest that is.
    """
    a, b, _, c, d = matrix[:5]
    if abs(b) > abs(a):
        return Orientation(transposed=True, flipped_x=c < 0, flipped_y=b < 0)
    return Orientation(flipped_x=a < 0, flipped_y=d < 0)


def orientation_of(frame: VideoFrame) -> Orientation:
    """Orientation that a decoded frame carries from its container or stream."""
    side_data: Any = frame.side_data  # typed as a mapping of names, but its keys are types
    data = side_data.get(SideDataType.DISPLAYMATRIX)
    return UPRIGHT if data is None else orientation_from_matrix(struct.unpack("=9i", bytes(data)[:36]))
