"""The images of an avatar: head and torso without what is behind them, at any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from visavox.avatar.format import AvatarFolder
from visavox.data.radiance import window_frames
from visavox.models.radiance import Camera, scaled
from visavox.types import HeadPose

SMALLEST, LARGEST_GROWTH, LARGEST = 64, 4, 1024
"""Smallest side of an image; how many times the side that the avatar was learned at it may be; largest side."""


@dataclass(frozen=True)
class Layers:
    """A person without background, H = W pixels."""

    color: np.ndarray
    """float32 (H, W, 3) in [0, 1], times the opacity."""
    opacity: np.ndarray
    """float32 (H, W) in [0, 1]: head and torso together."""
    head: np.ndarray
    """float32 (H, W) in [0, 1]: the head alone."""


class Renderer:
    """Renders the frames of a motion.

    Args:
        avatar: the person.
        size: side of the images.
        device: where its networks lie.
    """

    def __init__(self, avatar: AvatarFolder, size: int, device: torch.device) -> None:
        self._head, self._torso, self._device = avatar.head, avatar.torso, device
        self._window = avatar.head.config.landmarks.window
        own = avatar.camera
        self._camera = scaled(Camera(own.focal_length, own.principal_point, (own.size, own.size)), size)
        self._nothing = torch.zeros(size, size, 3, device=device)

    def render(self, displacements: np.ndarray, pose: HeadPose, frame: int) -> Layers:
        """Render one frame.

        Args:
            displacements: float32 (T, 68, 3), centimetres: the whole motion.
            pose: of the same T frames.
            frame: its number.
        """
        window = displacements[window_frames(frame, self._window, 0, len(displacements))]
        rotation, translation, landmarks = (
            torch.from_numpy(np.ascontiguousarray(part)).to(self._device)
            for part in (pose.rotations[frame], pose.translations[frame], window)
        )
        seen = self._torso.render_frame(self._head, self._camera, rotation, translation, landmarks, self._nothing)
        assert seen.torso is not None
        opacity = 1 - (1 - seen.opacity) * (1 - seen.torso)
        return Layers(*(part.clamp(0, 1).float().cpu().numpy() for part in (seen.color, opacity, seen.opacity)))
