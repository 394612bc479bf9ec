"""Mouth motion: a few numbers a frame that say what speech does to lips and chin.

The first number is the opening of the lips, absolute, so that 0 is a closed mouth for everybody. The others
are principal components of the displacement of lips and chin from the clip's own mean, seen from the front:
what is left when the head's pose and the speaker's features are taken away. Left and right are averaged, because
audio says nothing of which side moves more. All are scaled to unit variance over the training speakers.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from visavox.errors import InputError
from visavox.face.geometry.landmarks import (
    EYE_OUTER_LEFT,
    EYE_OUTER_RIGHT,
    JAW,
    LIP_LOWER,
    LIP_UPPER,
    LIPS_INNER,
    LIPS_OUTER,
    RIGID,
)
from visavox.runtime.files import write_whole
from visavox.types import PathLike

CHIN_LINE = JAW[4:-4]
"""The part of the jaw line that moves with the chin."""
MOUTH_POINTS = (*LIPS_OUTER, *LIPS_INNER, *CHIN_LINE)
"""Landmarks whose displacement the motion describes."""

_FOREHEAD, _NOSE = 10, 195
_NOSE_BASE = (2, 94, 98, 327)
_LIP_MIRROR = [(10 - k) % 20 for k in range(20)]
_MIRROR = np.array([*_LIP_MIRROR, *(20 + k for k in _LIP_MIRROR), *(40 + k for k in reversed(range(len(CHIN_LINE))))])


@dataclass(frozen=True, eq=False)
class MotionBasis:
    """Maps landmarks to mouth motions of K numbers, with P mouth points.

    Its numbers are those of float32, in which weights files hold them: a basis that was read is the one that was
    written.
    """

    opening_mean: float
    """Mean opening of the lips over the training speakers, in distances between the outer eye corners."""
    opening_scale: float
    """Standard deviation of the opening."""
    components: np.ndarray
    """float64 (K - 1, 2 P): rows that turn a displacement into a component of unit variance."""

    def __post_init__(self) -> None:
        """Round to float32."""
        object.__setattr__(self, "opening_mean", float(np.float32(self.opening_mean)))
        object.__setattr__(self, "opening_scale", float(np.float32(self.opening_scale)))
        object.__setattr__(self, "components", self.components.astype(np.float32).astype(np.float64))

    def __eq__(self, other: object) -> bool:
        """Tell whether another basis has the same numbers."""
        if not isinstance(other, MotionBasis):
            return NotImplemented
        same_opening = (self.opening_mean, self.opening_scale) == (other.opening_mean, other.opening_scale)
        return same_opening and np.array_equal(self.components, other.components)

    def __hash__(self) -> int:
        """Hash by the opening alone: bases that are equal are equal in it."""
        return hash((self.opening_mean, self.opening_scale))

    @property
    def num_motions(self) -> int:
        """K: the opening and the components."""
        return 1 + len(self.components)

    def motion(self, landmarks: np.ndarray) -> np.ndarray:
        """Describe the mouth in every frame of a clip.

        Args:
            landmarks: (T, 478, 3) of one clip of one face, x, y, z in the same scale.

        Returns:
            float32 (T, K).
        """
        mouths = frontal_mouths(landmarks)
        opening = (lip_opening(mouths) - self.opening_mean) / self.opening_scale
        displacement = (mouths - mouths.mean(axis=0)).reshape(len(mouths), -1)
        return np.concatenate([opening[:, None], displacement @ self.components.T], axis=1).astype(np.float32)


class StoredBasis(nn.Module):
    """Motion basis of a network, as buffers that travel in its weights file; all 0 where it is not known.

    Networks that describe a mouth in one basis understand no other.
    """

    opening: Tensor
    """(2,): mean and standard deviation of the opening."""
    components: Tensor
    """(K - 1, 2 P): rows that turn a displacement into a component of unit variance."""

    def __init__(self, num_motions: int) -> None:
        super().__init__()
        self.register_buffer("opening", torch.zeros(2))
        self.register_buffer("components", torch.zeros(num_motions - 1, 2 * len(MOUTH_POINTS)))

    @property
    def basis(self) -> MotionBasis | None:
        """The basis; None where it is not known."""
        return basis_of(self.opening.cpu().numpy(), self.components.cpu().numpy())

    def set(self, basis: MotionBasis) -> None:
        """Take over a basis of as many numbers."""
        self.opening.copy_(torch.tensor([basis.opening_mean, basis.opening_scale]))
        self.components.copy_(torch.from_numpy(basis.components))


def basis_of(opening: np.ndarray, components: np.ndarray) -> MotionBasis | None:
    """Return the basis that two buffers of `StoredBasis` hold; None where they are all 0.

    Args:
        opening: float32 (2,), mean and standard deviation of the opening, in distances between the outer eye corners.
        components: float32 (K - 1, 2 P), rows that turn a displacement into a component of unit variance.
    """
    return MotionBasis(float(opening[0]), float(opening[1]), components) if np.any(components) else None


def save_basis(basis: MotionBasis, path: PathLike) -> None:
    """Write a basis (.npz); it appears under its name when it is whole."""
    opening = np.array([basis.opening_mean, basis.opening_scale])
    write_whole(path, lambda file: np.savez(file, opening=opening, components=basis.components))


def load_basis(path: PathLike) -> MotionBasis:
    """Read a basis.

    Raises:
        InputError: the file is missing, damaged, or describes other points of the mouth.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            mean, scale = arrays["opening"]
            components = arrays["components"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a motion basis ({error}); get it again with its weights") from error
    if components.ndim != 2 or components.shape[1] != 2 * len(MOUTH_POINTS):
        raise InputError(f"{path} describes other mouth points than this visavox; get it again with its weights")
    return MotionBasis(float(mean), float(scale), components)


def frontal_mouths(landmarks: np.ndarray) -> np.ndarray:
    """Turn every frame's face to the front and take its mouth points.

    Args:
        landmarks: (T, 478, 3).

    Returns:
        float64 (T, P, 2), x to the right and y down, unit the distance between the outer eye corners; left and
        right averaged. Heights are counted from the base of the nose, which speech hardly moves: what a tracker
        makes of a nodding head moves nose and mouth alike, and would else look like speech.
    """
    points = landmarks.astype(np.float64)
    points = points - points[:, RIGID].mean(axis=1, keepdims=True)
    points /= np.linalg.norm(points[:, EYE_OUTER_LEFT] - points[:, EYE_OUTER_RIGHT], axis=-1)[:, None, None]
    rigid = points[:, RIGID]
    typical = np.median(rigid, axis=0)
    # Kabsch 1976: the rotation of each frame onto the clip's typical head.
    u, _, vt = np.linalg.svd(np.einsum("tpi,pj->tij", rigid, typical))
    handedness = np.sign(np.linalg.det(u @ vt))
    u[..., -1] *= handedness[:, None]
    turned = points @ (u @ vt)
    turned = turned @ _front(np.median(turned, axis=0)).T
    mouths = turned[:, MOUTH_POINTS, :2]
    mouths[..., 1] -= turned[:, _NOSE_BASE, 1].mean(axis=1, keepdims=True)
    mirrored = mouths[:, _MIRROR] * np.array([-1.0, 1.0])
    return (mouths + mirrored) / 2


def lip_opening(mouths: np.ndarray) -> np.ndarray:
    """Gap between the lips (T,) of frontal mouths (T, P, 2), in distances between the outer eye corners."""
    upper, lower = MOUTH_POINTS.index(LIP_UPPER), MOUTH_POINTS.index(LIP_LOWER)
    return np.linalg.norm(mouths[:, upper] - mouths[:, lower], axis=-1)


def fit_motion_basis(clips: list[np.ndarray], num_motions: int) -> MotionBasis:
    """Learn the motion basis from the landmarks of training clips.

    Args:
        clips: (T, 478, 3) for each clip.
        num_motions: K.

    Raises:
        InputError: there are fewer frames than components, or all mouths stand still.
    """
    openings, displacements = [], []
    for landmarks in clips:
        mouths = frontal_mouths(landmarks)
        openings.append(lip_opening(mouths))
        displacements.append((mouths - mouths.mean(axis=0)).reshape(len(mouths), -1))
    opening = np.concatenate(openings)
    displacement = np.concatenate(displacements)
    covariance = displacement.T @ displacement / len(displacement)
    values, vectors = np.linalg.eigh(covariance)
    order = np.argsort(values)[::-1][: num_motions - 1]
    if len(displacement) < num_motions or opening.std() < 1e-6 or values[order].min() < 1e-12:
        raise InputError("the mouths of the training clips hardly move; prepare videos of people who speak")
    # The sign of an eigenvector is arbitrary: let the largest entry be positive, so a refit gives the same numbers.
    rows = vectors[:, order].T
    rows *= np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])[:, None]
    return MotionBasis(float(opening.mean()), float(opening.std()), rows / np.sqrt(values[order])[:, None])


def _front(typical: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) that brings a typical head (478, 3) to the front: eyes level, forehead above nose."""
    across = typical[EYE_OUTER_LEFT] - typical[EYE_OUTER_RIGHT]
    across /= np.linalg.norm(across)
    down = typical[_NOSE] - typical[_FOREHEAD]
    down -= (down @ across) * across
    down /= np.linalg.norm(down)
    return np.stack([across, down, np.cross(across, down)])
