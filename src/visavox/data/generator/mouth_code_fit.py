"""Fit of a `MouthCode`: 68 landmarks to the mouth motion that `MotionBasis` gives for all 478.

The numbers of mouth motion are made of contours that the 68 points hold only part of; but lips and chin move as a
whole. What a linear map of the 68 leaves out is little but how a tracker's distance of the eyes, which the numbers
are divided by in every frame, wavers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from visavox.face.geometry.landmarks import IBUG_68
from visavox.face.geometry.motion import LOWER_LIP, UPPER_LIP, fit_opening_mode, lip_gap
from visavox.face.geometry.pose import canonical_face
from visavox.models.generator.motion_basis import MotionBasis
from visavox.models.generator.mouth_code import MouthCode, eye_units

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
    canonical = canonical_face()[list(IBUG_68)].astype(np.float64)
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
    canonical = canonical_face()[list(IBUG_68)].astype(np.float64)
    shut = []
    for clip in displacements:
        mean = clip.mean(axis=0, dtype=np.float64)
        unit = np.linalg.norm((canonical + mean)[36] - (canonical + mean)[45])
        shut.append(-components @ (mode * float(lip_gap(mean)) / unit).reshape(-1))
    weights = [len(clip) for clip in displacements]
    return np.concatenate([[-basis.opening_mean / basis.opening_scale], np.average(shut, axis=0, weights=weights)])
