"""Code of a mouth: a motion of 68 landmarks as the few numbers of mouth motion.

The numbers are those of `visavox.models.generator.motion_basis`, counted from the person's own face at rest: the
opening of the lips, absolute, and components of the shape of lips and chin. All of it is linear in the landmarks, and
is fitted on the training clips.

The numbers of mouth motion are made of contours that the 68 points hold only part of; but lips and chin move as a
whole. What a linear map of the 68 leaves out is little but how a tracker's distance of the eyes, by which the numbers
are divided in every frame, wavers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from visavox.face.geometry.landmarks import IBUG_68
from visavox.face.geometry.motion import (
    EYE_LEFT,
    EYE_RIGHT,
    LOWER_LIP,
    UPPER_LIP,
    fit_opening_mode,
    lip_gap,
    resting_face,
)
from visavox.face.geometry.pose import canonical_face
from visavox.models.generator.motion_basis import MotionBasis

NUM_POINTS = len(IBUG_68)
_POINTS = (*range(4, 13), *range(48, 68))
"""Chin and lips: what the numbers describe."""
_NOSE_BASE = tuple(range(31, 36))
"""Heights are counted from here, as `visavox.models.generator.motion_basis.frontal_mouths` does and says why."""
_MIRROR = (*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
           45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
           54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65)  # fmt: skip
"""For each of the 68 points the one on the other side."""
_RIDGE = 1e-6
"""Added to the variance of each coordinate, in squares of the distance of the eyes: far below what speech moves, about
what a tracker trembles by."""


class MouthCode(nn.Module):
    """Maps displacements of 68 landmarks, of anybody, to the mouth motion that any face can be rendered with."""

    opening_weights: Tensor
    """(2,): height and depth of the gap between the lips to opening, both in distances of the outer eye corners."""
    opening_mean: Tensor
    """(): mean opening of the training speakers."""
    opening_scale: Tensor
    """(): standard deviation of the opening."""
    components: Tensor
    """(K - 1, 204): displacement from the face at rest, in distances of the outer eye corners, to components."""
    rest: Tensor
    """(K,): the numbers of a face at rest with lips shut."""
    opening_mode: Tensor
    """(68, 3): how all points move when the lips part by a centimetre; shuts faces that are never seen shut."""
    motion_gain: Tensor
    """(): factor on the motion, because the renderer answers with less than it is asked for."""

    def __init__(self, num_motions: int) -> None:
        super().__init__()
        self.register_buffer("opening_weights", torch.tensor([1.0, 0.0]))
        self.register_buffer("opening_mean", torch.zeros(()))
        self.register_buffer("opening_scale", torch.ones(()))
        self.register_buffer("components", torch.zeros(num_motions - 1, 3 * NUM_POINTS))
        self.register_buffer("rest", torch.zeros(num_motions))
        self.register_buffer("opening_mode", torch.zeros(NUM_POINTS, 3))
        self.register_buffer("motion_gain", torch.ones(()))

    @torch.no_grad()
    def encode(self, displacements: np.ndarray) -> np.ndarray:
        """Encode the motion of one face.

        Args:
            displacements: float (T, 68, 3), centimetres from the canonical face.

        Returns:
            float32 (T, K) as observed, without the motion gain.
        """
        rest = resting_face(displacements, self.opening_mode.numpy())
        shape = self._from_rest(displacements, rest) @ self.components.numpy().T + self.rest[1:].numpy()
        opening = (self.openings(displacements) - self.opening_mean.numpy()) / self.opening_scale.numpy()
        return np.concatenate([opening[:, None], shape], axis=1).astype(np.float32)

    @torch.no_grad()
    def driven(self, numbers: np.ndarray, expressiveness: float = 1.0, openness: float = 1.0) -> np.ndarray:
        """Scale motion to what the renderer has to be given, so that a face moves as was observed.

        Args:
            numbers: (T, K), from `encode`.
            expressiveness: factor on all movement from rest, 1 as it was observed.
            openness: factor on the opening of the lips, on top of that.

        Returns:
            float32 (T, K); what is shut stays shut.
        """
        rest = self.rest.numpy()
        sizes = np.full(len(rest), expressiveness * float(self.motion_gain), np.float32)
        sizes[0] *= openness
        asked = rest + sizes * (numbers - rest)
        asked[:, 0] = np.maximum(asked[:, 0], rest[0])
        return asked.astype(np.float32)

    @torch.no_grad()
    def openings(self, displacements: np.ndarray) -> np.ndarray:
        """Opening of the lips (T,), in distances of the outer eye corners, of displacements (T, 68, 3)."""
        canonical = _canonical()
        gap = displacements[:, UPPER_LIP, 1:] - displacements[:, LOWER_LIP, 1:]
        gap = gap + (canonical[UPPER_LIP, 1:] - canonical[LOWER_LIP, 1:])
        return gap @ self.opening_weights.numpy() / _eye_distance(canonical + displacements.mean(axis=0))

    def _from_rest(self, displacements: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Displacements from the face at rest, float32 (T, 204), in distances of its outer eye corners."""
        apart = (displacements - rest).astype(np.float32, copy=False)
        apart /= _eye_distance(_canonical() + rest)
        return apart.reshape(len(apart), -1)


def eye_units(displacements: np.ndarray) -> np.ndarray:
    """Displacements (T, 68, 3) of one face from their own mean, (T, 204), in distances of its outer eye corners."""
    mean = displacements.mean(axis=0, dtype=np.float64)
    return (displacements - mean).reshape(len(displacements), -1) / _eye_distance(_canonical() + mean)


def _canonical() -> np.ndarray:
    return canonical_face()[list(IBUG_68)].astype(np.float64)


def _eye_distance(points: np.ndarray) -> float:
    """Distance of the outer eye corners of a face (68, 3)."""
    return float(np.linalg.norm(points[EYE_RIGHT] - points[EYE_LEFT]))


def fit_mouth_code(displacements: Sequence[np.ndarray], motions: Sequence[np.ndarray], basis: MotionBasis) -> MouthCode:
    """Fit a mouth code.

    Args:
        displacements: (T, 68, 3) of each training clip, centimetres from the canonical face.
        motions: (T, K) of the same clips, in terms of the basis: components from the clip's own mean.
        basis: the terms.

    Raises:
        InputError: the mouths stand still.
    """
    code = MouthCode(basis.num_motions)
    openings = np.concatenate(motions)[:, 0] * basis.opening_scale + basis.opening_mean
    code.opening_weights.copy_(torch.from_numpy(_opening_weights(displacements, openings)))
    code.opening_mean.fill_(basis.opening_mean)
    code.opening_scale.fill_(basis.opening_scale)
    components = _fit_components(displacements, motions)
    code.components.copy_(torch.from_numpy(components))
    mode = fit_opening_mode(displacements)
    code.opening_mode.copy_(torch.from_numpy(mode))
    code.rest.copy_(torch.from_numpy(_rest(displacements, components, mode, basis)))
    return code


def _fit_components(displacements: Sequence[np.ndarray], motions: Sequence[np.ndarray]) -> np.ndarray:
    """Ridge regression of the components on lips and chin, as a map (K - 1, 204) of all points."""
    view = _view()
    features = np.concatenate([eye_units(clip) @ view.T for clip in displacements])
    targets = np.concatenate([motion[:, 1:] - motion[:, 1:].mean(axis=0) for motion in motions])
    covariance = features.T @ features / len(features) + _RIDGE * np.eye(features.shape[1])
    return np.asarray(np.linalg.solve(covariance, features.T @ targets / len(features)).T @ view)


def _view() -> np.ndarray:
    """The linear map (P 3, 204) from all points to lips and chin: heights from the nose, left and right averaged."""
    one = np.eye(68)
    picked = (one[list(_POINTS)] + one[[_MIRROR[point] for point in _POINTS]]) / 2
    apart = (one[list(_POINTS)] - one[[_MIRROR[point] for point in _POINTS]]) / 2
    nose = np.broadcast_to(one[list(_NOSE_BASE)].mean(axis=0), picked.shape)
    view = np.zeros((len(_POINTS), 3, 68, 3))
    view[:, 0, :, 0] = apart  # mirrored, what is to the right is to the left
    view[:, 1, :, 1] = picked - nose
    view[:, 2, :, 2] = picked
    return view.reshape(3 * len(_POINTS), 3 * 68)


def _opening_weights(displacements: Sequence[np.ndarray], openings: np.ndarray) -> np.ndarray:
    canonical = _canonical()
    gaps = []
    for clip in displacements:
        points = canonical + clip
        unit = np.linalg.norm(points.mean(axis=0)[36] - points.mean(axis=0)[45])
        gaps.append((points[:, UPPER_LIP, 1:] - points[:, LOWER_LIP, 1:]) / unit)
    return np.asarray(np.linalg.lstsq(np.concatenate(gaps), openings, rcond=None)[0])


def _rest(
    displacements: Sequence[np.ndarray], components: np.ndarray, mode: np.ndarray, basis: MotionBasis
) -> np.ndarray:
    """The numbers of a face at rest: the components of the mean training clip, its lips shut."""
    canonical = _canonical()
    shut = []
    for clip in displacements:
        mean = clip.mean(axis=0, dtype=np.float64)
        unit = np.linalg.norm((canonical + mean)[36] - (canonical + mean)[45])
        shut.append(-components @ (mode * float(lip_gap(mean)) / unit).reshape(-1))
    weights = [len(clip) for clip in displacements]
    return np.concatenate([[-basis.opening_mean / basis.opening_scale], np.average(shut, axis=0, weights=weights)])
