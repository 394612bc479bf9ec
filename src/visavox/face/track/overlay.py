"""Drawing tracks over the frame, to see whether they are right."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from visavox.face.geometry import landmarks as names
from visavox.face.geometry import project
from visavox.types import FrameStatus, Track

STATUS_COLORS = {
    FrameStatus.DETECTED: (60, 220, 90),
    FrameStatus.INTERPOLATED: (250, 200, 40),
    FrameStatus.TURNED_AWAY: (240, 80, 70),
}
"""RGB of box and text."""
OUTLINES = (
    (names.FACE_OVAL, (170, 170, 170)),
    (names.RIGHT_EYE, (90, 220, 250)),
    (names.LEFT_EYE, (90, 220, 250)),
    (names.RIGHT_BROW, (90, 160, 250)),
    (names.LEFT_BROW, (90, 160, 250)),
    (names.LIPS_OUTER, (250, 90, 120)),
    (names.LIPS_INNER, (255, 210, 220)),
)
"""Closed outlines and their RGB."""
AXES = (((4.0, 0.0, 0.0), (255, 70, 70)), ((0.0, 4.0, 0.0), (70, 255, 70)), ((0.0, 0.0, 4.0), (90, 130, 255)))
"""Head axes x, y, z drawn from between the eyes, in centimetres, and their RGB."""
_SHIFT = 4
"""Bits of a pixel's fraction that OpenCV draws with."""


def draw_overlay(image: np.ndarray, tracks: Sequence[Track], index: int) -> np.ndarray:
    """Draw what is known of one frame: outlines, box, pose axes, number and status of each face, number of the shot.

    Args:
        image: uint8 RGB (H, W, 3).
        tracks: of the same video.
        index: number of the frame.

    Returns:
        uint8 RGB (H, W, 3), a copy.
    """
    drawn = np.ascontiguousarray(image).copy()
    thickness = max(1, round(max(image.shape[:2]) / 900))
    for track in tracks:
        status = FrameStatus(int(track.status[index]))
        if status != FrameStatus.ABSENT:
            _draw_face(drawn, track, index, status, thickness)
    if tracks:
        _write(drawn, f"frame {index}  shot {int(tracks[0].shots[index])}", (6, 6), (255, 255, 255), thickness)
    return drawn


def _draw_face(drawn: np.ndarray, track: Track, index: int, status: FrameStatus, thickness: int) -> None:
    points = track.landmarks[index, :, :2].astype(np.float64)
    for outline, color in OUTLINES:
        cv2.polylines(drawn, [_fixed(points[list(outline)])], True, color, thickness, cv2.LINE_AA, _SHIFT)
    for center, *border in (names.RIGHT_IRIS, names.LEFT_IRIS):
        radius = np.linalg.norm(points[border] - points[center], axis=1).mean()
        cv2.circle(
            drawn, _fixed(points[center]).tolist(), round(radius * 2**_SHIFT), (255, 255, 120), 1, cv2.LINE_AA, _SHIFT
        )
    x0, y0, x1, y1 = (round(float(value)) for value in track.boxes[index])
    color = STATUS_COLORS[status]
    cv2.rectangle(drawn, (x0, y0), (x1, y1), color, thickness, cv2.LINE_AA)
    _write(drawn, f"face {track.face_id}  {status.name.lower().replace('_', ' ')}", (x0, y1 + 4), color, thickness)
    tips = np.array([[(0.0, 0.0, 0.0), *(tip for tip, _ in AXES)]])
    seen = project(tips, track.rotations[index][None], track.translations[index][None], track.frame_size)[0]
    for tip, (_, axis_color) in zip(seen[1:], AXES, strict=True):
        cv2.line(drawn, _fixed(seen[0]).tolist(), _fixed(tip).tolist(), axis_color, 2 * thickness, cv2.LINE_AA, _SHIFT)


def _fixed(points: np.ndarray) -> np.ndarray:
    """Pixels to OpenCV's fixed-point numbers, int32."""
    result: np.ndarray = np.rint(points * 2**_SHIFT).astype(np.int32)
    return result


def _write(drawn: np.ndarray, text: str, place: tuple[int, int], color: tuple[int, int, int], thickness: int) -> None:
    """Write text below and right of a place, pushed inside the frame, on a dark rim."""
    scale = 0.42 * thickness
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    x = int(np.clip(place[0], 2, max(2, drawn.shape[1] - width - 2)))
    y = int(np.clip(place[1] + height, height + 2, max(height + 2, drawn.shape[0] - 3)))
    for ink, width_of_line in (((0, 0, 0), thickness + 2), (color, thickness)):
        cv2.putText(drawn, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, width_of_line, cv2.LINE_AA)
