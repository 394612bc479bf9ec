"""One person's data as the tasks of head and torso take it: batches of pixels, whole frames, and a loss of patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from visavox.data.radiance import PersonData, landmark_window
from visavox.losses import PatchDistance, feature_patch_distance
from visavox.models.perceptual import MouthPerceptualNet
from visavox.models.radiance import Camera, Condition, Head, Rays, Views, cast_rays
from visavox.training.recipe import SHIPPED_FEATURES, LpipsInputs
from visavox.training.task import Batch
from visavox.weights import load_model

PatchLoss = Literal["face-features", "lpips"]
"""Names of the losses that compare patches of mouths."""
_PATCH_SIZE = 64
"""Side that patches of mouths are brought to for the face features."""


def camera_of(data: PersonData) -> Camera:
    """Return the camera of a data set, for rays."""
    return Camera(data.camera.focal_length, data.camera.principal_point, (data.size, data.size))


@dataclass(frozen=True)
class PersonBatch:
    """R pixels of each of F frames; per pixel the tensors are flat, (F * R, ...), frame by frame."""

    frames: Tensor
    """int64 (F,)."""
    windows: Tensor
    """float32 (F, window, 68, 3)."""
    rotations: Tensor
    """float32 (F, 3, 3)."""
    translations: Tensor
    """float32 (F, 3)."""
    pixels: Tensor
    """float32 (F * R, 2)."""
    face: Tensor
    """int64 (F * R,): which of the frames."""
    color: Tensor
    """float32 (F * R, 3) in [0, 1]: the true image."""
    scene: Tensor
    """float32 (F * R, 3): torso over background."""
    background: Tensor
    """float32 (F * R, 3)."""
    head: Tensor
    """float32 (F * R,) in [0, 1]: mask."""
    torso: Tensor
    """float32 (F * R,): mask."""
    in_face: Tensor
    """bool (F * R,)."""

    @classmethod
    def of(cls, batch: Batch, selected: slice) -> PersonBatch:
        """Take some of the pixels of each frame of a batch of `RayDataset`."""
        flat = {name: batch[name][:, selected].flatten(0, 1) for name in _BY_PIXEL}
        count = len(flat["pixels"]) // len(batch["frame"])
        return cls(
            frames=batch["frame"],
            windows=batch["window"],
            rotations=batch["rotation"],
            translations=batch["translation"],
            pixels=flat["pixels"].float(),
            face=torch.arange(len(batch["frame"]), device=batch["frame"].device).repeat_interleave(count),
            color=flat["color"].float() / 255,
            scene=flat["scene"].float() / 255,
            background=flat["background"].float() / 255,
            head=flat["head"].float() / 255,
            torso=flat["torso"].float() / 255,
            in_face=flat["in_face"],
        )

    def cast(self, head: Head, camera: Camera, condition: Condition) -> tuple[Rays, Views]:
        """Cast the rays of the pixels through a head."""
        by_frame = torch.unflatten(self.pixels, 0, (len(self.frames), -1))
        origins, directions = cast_rays(camera, by_frame, self.rotations, self.translations)
        rays = head.rays(origins.flatten(0, 1), directions.flatten(0, 1))
        return rays, Views(rays.directions, self.face, condition)


_BY_PIXEL = ("pixels", "color", "scene", "background", "head", "torso", "in_face")


def chance() -> torch.Generator:
    """Return a generator that goes on from the default one, which the loop has seeded with the step's number."""
    return torch.Generator().manual_seed(int(torch.randint(2**62, ())))


def spread_out(frames: np.ndarray, count: int) -> np.ndarray:
    """Choose `count` of the frames (N,), evenly spaced, or all of them if there are fewer; return (min(count, N),)."""
    selected: np.ndarray = frames[
        np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int))
    ]
    return selected


def stored_frame(data: PersonData, frame: int, window: int, device: torch.device) -> dict[str, Tensor]:
    """Return pose, landmarks and float images (H, W, ...) of one frame."""
    torso = data.torso[frame].astype(np.float32) / 255
    background = data.background.astype(np.float32) / 255
    arrays = {
        "rotation": data.rotations[frame],
        "translation": data.translations[frame],
        "window": landmark_window(data, frame, window),
        "color": data.frames[frame].astype(np.float32) / 255,
        "scene": torso[..., 3:] * torso[..., :3] + (1 - torso[..., 3:]) * background,
        "background": background,
        "head": data.head_mask[frame].astype(np.float32) / 255,
        "torso": data.torso_mask[frame].astype(np.float32) / 255,
    }
    return {name: torch.from_numpy(np.array(array)).to(device) for name, array in arrays.items()}


def psnr(rendered: Tensor, truth: Tensor, share: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in decibels of images (H, W, 3) in [0, 1].

    Only of the pixels with a share above one half, if shares (H, W) are given; NaN if there are none.
    """
    squares = (rendered.clamp(0, 1) - truth) ** 2
    if share is not None:
        squares = squares[share > 0.5]
    return float(-10 * torch.log10(squares.mean().clamp(min=1e-10))) if squares.numel() else float("nan")


def mean_known(values: list[float]) -> float:
    """Mean of the values that are numbers; NaN if none is."""
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else float("nan")


def load_patch_loss(name: PatchLoss, lpips: LpipsInputs | None = None) -> PatchDistance:
    """Load the loss that compares patches of mouths: the shipped face features, or LPIPS.

    Raises:
        InputError: the published numbers of LPIPS are nowhere to be had.
    """
    if name == "lpips":
        return (lpips or LpipsInputs()).load_lpips("alex")
    features = load_model(SHIPPED_FEATURES, MouthPerceptualNet)
    return feature_patch_distance(features.requires_grad_(False).stages, _PATCH_SIZE)
