"""A video of a motion: the 68 landmarks as a drawn face, with the audio.

The face is drawn as smooth lines for brows, eyes, nose, lips and jaw, with the open mouth dark.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

from visavox.errors import InputError
from visavox.face.geometry import canonical_68, canonical_face, project
from visavox.face.geometry.landmarks import FACE_OVAL
from visavox.media import AudioPlan, Encoding, VideoInfo, VideoWriter
from visavox.progress import QUIET, Progress
from visavox.runtime.ranges import Range, check_ranges
from visavox.types import HeadPose, Motion, PathLike

_TOP = FACE_OVAL.index(10)
FOREHEAD = (*reversed(FACE_OVAL[_TOP : _TOP + 6]), *reversed(FACE_OVAL[-6:]))
"""Points of the face mesh from the left temple over the top to the right one: the outline that the 68 lack."""
_FACE_HEIGHT = 0.78
"""Part of the image's height that the face fills, seen from the front."""


@dataclass(frozen=True)
class PreviewSettings:
    """Size and style of the preview of a motion."""

    height: Annotated[int, Range(64, 4320, unit="pixels", name="the height of the preview")] = 512
    """Height of the image, pixels. From the front it is square, with a pose it has the shape of the pose's frame."""
    points: bool = True
    """Draw the 68 points, too."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)
        if self.height % 2:
            raise InputError(f"the height of the preview is {self.height} pixels; give an even number")


class FaceView:
    """Renders the frames of a motion as images.

    Args:
        motion: T frames.
        pose: where the head is in each of them; None: still, seen from the front.
        settings: size and style.
    """

    def __init__(
        self, motion: Motion, *, pose: HeadPose | None = None, settings: PreviewSettings | None = None
    ) -> None:
        self.settings = settings or PreviewSettings()
        if pose is not None and pose.num_frames != motion.num_frames:
            raise ValueError(f"a pose of {pose.num_frames} frames does not belong to a motion of {motion.num_frames}")
        self.motion, self.pose = motion, _scaled(pose, self.settings.height)
        self._forehead = _forehead(motion.neutral)
        height = self.settings.height
        self.size = (height, height) if self.pose is None else self.pose.frame_size
        face = np.concatenate([canonical_68() + motion.neutral, self._forehead])
        low, high = face[:, :2].min(axis=0), face[:, :2].max(axis=0)
        self._middle, self._scale = (low + high) / 2, _FACE_HEIGHT * height / (high[1] - low[1])

    def image(self, index: int) -> np.ndarray:
        """Draw one frame: uint8 RGB (H, W, 3)."""
        face = np.concatenate([canonical_68() + self.motion.displacements[index], self._forehead])
        seen = self._see(face, index)
        return draw_face(seen[:68], self.size, forehead=seen[68:], with_points=self.settings.points)

    def _see(self, face: np.ndarray, index: int) -> np.ndarray:
        """Points of head space (L, 3) to pixels (L, 2)."""
        if self.pose is None:
            flat = (face[:, :2] - self._middle) * self._scale * [1.0, -1.0]
            return np.asarray(flat + (np.array(self.size) - 1) / 2)
        rotation, translation = self.pose.rotations[index], self.pose.translations[index]
        return np.asarray(project(face[None], rotation[None], translation[None], self.pose.frame_size)[0])


def write_preview(
    motion: Motion,
    output: PathLike,
    *,
    pose: HeadPose | None = None,
    audio: PathLike | None = None,
    settings: PreviewSettings | None = None,
    overwrite: bool = False,
    progress: Progress = QUIET,
) -> Path:
    """Write a video of a motion.

    Args:
        motion: T frames.
        output: .mp4, .mkv, .mov or .webm.
        pose: see `FaceView`.
        audio: file whose audio is played from the first frame on; None for a silent video.
        settings: see `PreviewSettings`.
        overwrite: replace an existing file.
        progress: takes the events.

    Returns:
        The path of the video.

    Raises:
        InputError: the output cannot be written, or the audio cannot be read.
    """
    view = FaceView(motion, pose=pose, settings=settings)
    like = VideoInfo(
        path="", width=view.size[0], height=view.size[1], frame_rate=motion.rate, time_base=1 / motion.rate
    )
    plan = None if audio is None else AudioPlan(os.fspath(audio), length=motion.num_frames / motion.rate)
    with (
        VideoWriter(Path(output), like=like, audio=plan, encoding=Encoding(), overwrite=overwrite) as writer,
        progress.bar("drawing the preview", motion.num_frames) as bar,
    ):
        for index in range(motion.num_frames):
            writer.write(view.image(index), index / motion.rate)
            bar.update(1)
    return Path(output)


def _forehead(neutral: np.ndarray) -> np.ndarray:
    """Estimate the outline above the jaw, (12, 3) centimetres, fitted to the ends of the person's jaw."""
    top = canonical_face()[list(FOREHEAD)].astype(np.float64)
    shares = np.linspace(0, 1, len(top))[:, None]
    return np.asarray(top + (1 - shares) * neutral[16] + shares * neutral[0])


def _scaled(pose: HeadPose | None, height: int) -> HeadPose | None:
    """Return the same pose in a frame of (about) that height."""
    if pose is None:
        return None
    width = max(2, 2 * round(height * pose.frame_size[0] / pose.frame_size[1] / 2))
    return replace(pose, frame_size=(width, height))


JAW = tuple(range(17))
RIGHT_BROW, LEFT_BROW = tuple(range(17, 22)), tuple(range(22, 27))
NOSE_RIDGE, NOSE_BASE = tuple(range(27, 31)), tuple(range(31, 36))
RIGHT_EYE = ((36, 37, 38, 39), (39, 40, 41, 36))
LEFT_EYE = ((42, 43, 44, 45), (45, 46, 47, 42))
OUTER_LIPS = ((48, 49, 50, 51, 52, 53, 54), (54, 55, 56, 57, 58, 59, 48))
INNER_LIPS = ((60, 61, 62, 63, 64), (64, 65, 66, 67, 60))

BACKGROUND = (246, 245, 242)
SKIN, SKIN_LINE = (240, 218, 202), (196, 158, 138)
BROW, NOSE = (104, 76, 60), (206, 164, 142)
EYE, EYE_LINE, IRIS = (252, 252, 252), (88, 66, 58), (74, 96, 112)
LIPS, LIP_LINE, MOUTH = (208, 112, 112), (172, 80, 84), (62, 22, 28)
POINT = (60, 96, 160)
"""RGB of the parts."""

_FINE = 2
"""The image is drawn so many times larger, and made smaller by areas: no stairs at edges."""
_SHIFT = 4
"""Bits of a pixel's fraction that OpenCV draws with."""
_STEPS = 10
"""Pieces of a line between two points."""


def draw_face(
    points: np.ndarray, size: tuple[int, int], *, forehead: np.ndarray | None = None, with_points: bool = False
) -> np.ndarray:
    """Draw a face.

    Args:
        points: (68, 2), pixels.
        size: width and height of the image.
        forehead: (K, 2), pixels: outline of the head from the end of the jaw (point 16) over the top to its beginning
            (point 0); None: the head has no outline but the jaw.
        with_points: also draw the 68 points.

    Returns:
        uint8 RGB (H, W, 3).
    """
    canvas = _Canvas(points, size)
    if forehead is not None:
        outline = np.concatenate([_curve(points[list(JAW)]), _curve(np.stack([points[16], *forehead, points[0]]))])
        canvas.fill(outline, SKIN)
    canvas.line(_curve(points[list(JAW)]), SKIN_LINE, 0.022)
    for eye in (RIGHT_EYE, LEFT_EYE):
        canvas.eye(_ring(points, eye))
    for brow in (RIGHT_BROW, LEFT_BROW):
        canvas.line(_curve(points[list(brow)]), BROW, 0.04)
    canvas.line(points[list(NOSE_RIDGE)], NOSE, 0.018)
    canvas.line(_curve(points[list(NOSE_BASE)]), NOSE, 0.022)
    outer, inner = _ring(points, OUTER_LIPS), _ring(points, INNER_LIPS)
    canvas.fill(outer, LIPS)
    canvas.line(outer, LIP_LINE, 0.012, closed=True)
    canvas.fill(inner, MOUTH)
    canvas.line(inner, MOUTH, 0.01, closed=True)
    if with_points:
        canvas.dots(points)
    return canvas.image()


def _curve(points: np.ndarray) -> np.ndarray:
    """Return a smooth line through (K, 2) points."""
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1) + 1e-6)])
    places = np.interp(np.arange((len(points) - 1) * _STEPS + 1) / _STEPS, np.arange(len(points)), way)
    return np.asarray(CubicSpline(way, points, bc_type="natural")(places))


def _ring(points: np.ndarray, halves: Sequence[Sequence[int]]) -> np.ndarray:
    """Return a closed outline of two smooth lines with corners where they meet."""
    return np.concatenate([_curve(points[list(half)])[:-1] for half in halves])


class _Canvas:
    """A image that is drawn on; widths are in parts of the distance of the outer eye corners."""

    def __init__(self, points: np.ndarray, size: tuple[int, int]) -> None:
        self._size = size
        self._unit = float(np.linalg.norm(points[45] - points[36]))
        self._image = np.empty((size[1] * _FINE, size[0] * _FINE, 3), np.uint8)
        self._image[:] = BACKGROUND

    def fill(self, outline: np.ndarray, color: tuple[int, int, int]) -> None:
        cv2.fillPoly(self._image, [_fixed(outline)], color, cv2.LINE_AA, _SHIFT)

    def line(self, points: np.ndarray, color: tuple[int, int, int], width: float, *, closed: bool = False) -> None:
        thickness = max(1, round(width * self._unit * _FINE))
        cv2.polylines(self._image, [_fixed(points)], closed, color, thickness, cv2.LINE_AA, _SHIFT)

    def eye(self, outline: np.ndarray) -> None:
        """The white, and an iris in the middle between the corners, as far as the lids leave it free."""
        self.fill(outline, EYE)
        white = np.zeros(self._image.shape[:2], np.uint8)
        cv2.fillPoly(white, [_fixed(outline)], 255, cv2.LINE_AA, _SHIFT)
        corners = outline[0], outline[len(outline) // 2]
        radius = 0.19 * float(np.linalg.norm(corners[1] - corners[0]))
        center = (corners[0] + corners[1]) / 2 - [0, 0.4 * radius]
        iris = self._image.copy()
        place = _fixed(center[None])[0].tolist()
        for share, color in ((1.0, IRIS), (0.45, (20, 22, 26))):
            cv2.circle(iris, place, round(share * radius * _FINE * 2**_SHIFT), color, -1, cv2.LINE_AA, _SHIFT)
        part = white[..., None].astype(np.float32) / 255
        self._image = np.rint(part * iris + (1 - part) * self._image).astype(np.uint8)
        self.line(outline, EYE_LINE, 0.014, closed=True)

    def dots(self, points: np.ndarray) -> None:
        radius = max(1.0, 0.011 * self._unit * _FINE)
        for x, y in _fixed(points).tolist():
            cv2.circle(self._image, (x, y), round(radius * 2**_SHIFT), POINT, -1, cv2.LINE_AA, _SHIFT)

    def image(self) -> np.ndarray:
        return cv2.resize(self._image, self._size, interpolation=cv2.INTER_AREA)


def _fixed(points: np.ndarray) -> np.ndarray:
    """Pixels of the image to OpenCV's fixed-point numbers of the larger one, int32."""
    large = (points + 0.5) * _FINE - 0.5
    return np.asarray(np.rint(large * 2**_SHIFT), np.int32)
