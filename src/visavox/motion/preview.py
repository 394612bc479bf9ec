"""A video of a motion: the 68 landmarks as a drawn face, with the sound."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from visavox.errors import InputError
from visavox.face.geometry.landmarks import FACE_OVAL
from visavox.face.geometry.motion import canonical_68
from visavox.face.geometry.pose import canonical_face, project
from visavox.media import AudioPlan, Encoding, VideoInfo, VideoWriter
from visavox.motion.drawing import draw_face
from visavox.progress import QUIET, Progress
from visavox.types import HeadPose, Motion, PathLike

_TOP = FACE_OVAL.index(10)
FOREHEAD = (*reversed(FACE_OVAL[_TOP : _TOP + 6]), *reversed(FACE_OVAL[-6:]))
"""Points of the face mesh from the left temple over the top to the right one: the outline that the 68 lack."""
_FACE_HEIGHT = 0.78
"""Part of the picture's height that the face fills, seen from the front."""


@dataclass(frozen=True)
class PreviewSettings:
    """How a motion is shown."""

    height: int = 512
    """Height of the picture, pixels. From the front it is square, with a pose it has the shape of the pose's frame."""
    points: bool = True
    """Whether the 68 points are drawn, too."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if not 64 <= self.height <= 4320 or self.height % 2:
            raise InputError(f"the height of the preview is {self.height}; give an even number from 64 to 4320.")


class FaceView:
    """Shows the frames of a motion as pictures.

    Args:
        motion: T frames.
        pose: where the head is in each of them; None: still, seen from the front.
        settings: size and looks.
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

    def picture(self, index: int) -> np.ndarray:
        """Draw one frame: uint8 RGB (H, W, 3)."""
        face = np.concatenate([canonical_68() + self.motion.displacements[index], self._forehead])
        seen = self._see(face, index)
        return draw_face(seen[:68], self.size, forehead=seen[68:], with_points=self.settings.points)

    def _see(self, face: np.ndarray, index: int) -> np.ndarray:
        """Points of head space (L, 3) to pixels (L, 2)."""
        if self.pose is None:
            flat = (face[:, :2] - self._middle) * self._scale * [1.0, -1.0]
            return flat + (np.array(self.size) - 1) / 2
        rotation, translation = self.pose.rotations[index], self.pose.translations[index]
        return project(face[None], rotation[None], translation[None], self.pose.frame_size)[0]


def write_preview(
    motion: Motion,
    output: PathLike,
    *,
    pose: HeadPose | None = None,
    sound: PathLike | None = None,
    settings: PreviewSettings | None = None,
    overwrite: bool = False,
    progress: Progress = QUIET,
) -> Path:
    """Write a video of a motion.

    Args:
        motion: T frames.
        output: .mp4, .mkv, .mov or .webm.
        pose: see `FaceView`.
        sound: file whose sound is heard from the first frame on; None for a silent video.
        settings: see `PreviewSettings`.
        overwrite: replace an existing file.
        progress: the bar.

    Returns:
        The path of the video.

    Raises:
        InputError: the output cannot be written, or the sound cannot be read.
    """
    view = FaceView(motion, pose=pose, settings=settings)
    like = VideoInfo(
        path="", width=view.size[0], height=view.size[1], frame_rate=motion.rate, time_base=1 / motion.rate
    )
    audio = None if sound is None else AudioPlan(os.fspath(sound), length=motion.num_frames / motion.rate)
    with (
        VideoWriter(Path(output), like=like, audio=audio, encoding=Encoding(), overwrite=overwrite) as writer,
        progress.bar("drawing the preview", motion.num_frames) as bar,
    ):
        for index in range(motion.num_frames):
            writer.write(view.picture(index), index / motion.rate)
            bar.update(1)
    return Path(output)


def _forehead(neutral: np.ndarray) -> np.ndarray:
    """Outline above the jaw, (12, 3) centimetres, fitted to the ends of the person's jaw."""
    top = canonical_face()[list(FOREHEAD)].astype(np.float64)
    shares = np.linspace(0, 1, len(top))[:, None]
    return top + (1 - shares) * neutral[16] + shares * neutral[0]


def _scaled(pose: HeadPose | None, height: int) -> HeadPose | None:
    """The same pose in a frame of (about) that height."""
    if pose is None:
        return None
    width = max(2, 2 * round(height * pose.frame_size[0] / pose.frame_size[1] / 2))
    return replace(pose, frame_size=(width, height))
