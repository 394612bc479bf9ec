"""Head pose in centimetres, from landmarks alone.

Head space has its origin midway between the outer corners of the eyes, x to the right of the image, y up, z to the
viewer. Camera space has the same directions and its origin in the camera, which looks along -z: a head that looks
straight into the camera from 60 cm has the identity as rotation and (0, 0, -60) as translation.

The camera is not known, so one is assumed whose focal length is the longer side of the image (a field of view of
53 degrees) and whose axis goes through the middle. A wrong focal length scales the distance; angles hardly change.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np

from visavox.face.geometry.landmarks import RIGID

ITERATIONS = 6
"""Gauss-Newton steps; from the weak-perspective start, 4 already reach the fifth digit."""
CHUNK = 512
"""Frames solved at a time, which bounds the memory."""
DEPTH_WEIGHT = 0.3
"""Weight of a landmark's own depth against its place in the image: it is the network's guess."""


@lru_cache(maxsize=1)
def _canonical_file() -> tuple[np.ndarray, np.ndarray]:
    with (
        (files("visavox.face.geometry") / "canonical_face.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        points, mirror = arrays["points"], arrays["mirror"].astype(np.intp)
    points.setflags(write=False)
    mirror.setflags(write=False)
    return points, mirror


def canonical_face() -> np.ndarray:
    """Mean face of many speakers, mouth shut: float32 (478, 3), head space, centimetres, symmetric, read-only.

    `tools/make_canonical_face.py` made it and says how.
    """
    return _canonical_file()[0]


def mirror_indices() -> np.ndarray:
    """For each landmark the one that takes its place in a mirrored image: int (478,), read-only."""
    return _canonical_file()[1]


def focal_length(frame_size: tuple[int, int]) -> float:
    """Focal length, in pixels, of the camera assumed for an image of (width, height)."""
    return float(max(frame_size))


def project(
    points: np.ndarray, rotations: np.ndarray, translations: np.ndarray, frame_size: tuple[int, int]
) -> np.ndarray:
    """Project points of head space into the image.

    Args:
        points: (L, 3) or (T, L, 3), centimetres.
        rotations: (T, 3, 3) head to camera.
        translations: (T, 3), centimetres.
        frame_size: width and height in pixels.

    Returns:
        float64 (T, L, 2) pixels.
    """
    seen = np.einsum("tij,...lj->tli", rotations, points) if points.ndim == 2 else points @ rotations.swapaxes(1, 2)
    seen = seen + translations[:, None]
    scale = focal_length(frame_size) / -seen[..., 2:]
    result: np.ndarray = _principal_point(frame_size) + scale * seen[..., :2] * np.array([1.0, -1.0])
    return result


def head_pose(landmarks: np.ndarray, frame_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Fit the canonical face to landmarks by the points that speech does not move.

    Minimises the distance in the image under perspective (PnP), and with less weight that in depth, by Gauss-Newton
    from a weak-perspective Procrustes fit.

    Args:
        landmarks: (T, 478, 3) in pixels; frames of NaN are left out.
        frame_size: width and height in pixels.

    Returns:
        rotations float32 (T, 3, 3) and translations float32 (T, 3) in centimetres, NaN where the landmarks are.
    """
    rotations = np.full((len(landmarks), 3, 3), np.nan, dtype=np.float32)
    translations = np.full((len(landmarks), 3), np.nan, dtype=np.float32)
    known = np.flatnonzero(np.isfinite(landmarks[:, 0, 0]))
    for start in range(0, len(known), CHUNK):
        chunk = known[start : start + CHUNK]
        observed = _to_rays(landmarks[chunk][:, list(RIGID)].astype(np.float64), frame_size)
        rotations[chunk], translations[chunk] = _solve(observed)
    return rotations, translations


def head_angles(rotations: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll in degrees, (..., 3), of (..., 3, 3) rotations.

    Positive yaw turns the face to the right of the image, positive pitch looks up, positive roll tilts the top of
    the head to the left of the image. NaN where the rotations are.
    """
    forward = rotations[..., :, 2]
    yaw = np.arctan2(forward[..., 0], forward[..., 2])
    pitch = np.arcsin(np.clip(forward[..., 1], -1, 1))
    roll = np.arctan2(rotations[..., 1, 0], rotations[..., 1, 1])
    result: np.ndarray = np.degrees(np.stack([yaw, pitch, roll], axis=-1))
    return result


def facing(rotations: np.ndarray, translations: np.ndarray) -> np.ndarray:
    """Rotations as they look from where the camera is, not along its axis.

    A head at the border of the image that looks into the camera is turned against the camera's axis, but seen from
    the front; this says how far it is turned away from the one who looks.

    Args:
        rotations: (T, 3, 3) head to camera.
        translations: (T, 3).

    Returns:
        float64 (T, 3, 3), NaN where the pose is.
    """
    direction = -translations.astype(np.float64)
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    # Camera axes turned, without roll, so that z points from the head to the camera.
    right = np.stack([direction[:, 2], np.zeros(len(direction)), -direction[:, 0]], axis=-1)
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    upward = np.cross(direction, right)
    result: np.ndarray = np.stack([right, upward, direction], axis=1) @ rotations
    return result


def _principal_point(frame_size: tuple[int, int]) -> np.ndarray:
    return (np.asarray(frame_size, dtype=np.float64) - 1) / 2


def _to_rays(points: np.ndarray, frame_size: tuple[int, int]) -> np.ndarray:
    """Pixels (T, K, 3) to units of the focal length, with y up and z to the viewer."""
    rays = points / focal_length(frame_size)
    rays[..., :2] -= _principal_point(frame_size) / focal_length(frame_size)
    rays[..., 1:] *= -1
    return rays


def _solve(observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    model = canonical_face()[list(RIGID)].astype(np.float64)
    rotations, translations = _weak_perspective(observed, model)
    for _ in range(ITERATIONS):
        turned = model @ rotations.swapaxes(1, 2)  # (T, K, 3)
        residual, jacobian = _linearise(observed, turned, translations)
        normal = jacobian.swapaxes(1, 2) @ jacobian  # (T, 6, 6)
        step = np.linalg.solve(normal, (jacobian.swapaxes(1, 2) @ residual[..., None]))[..., 0]
        rotations = _rotation_matrices(step[:, :3]) @ rotations
        translations = translations + step[:, 3:]
    return rotations, translations


def _weak_perspective(observed: np.ndarray, model: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Closed-form start: similarity Procrustes between the model and landmarks with their depth (Umeyama 1991)."""
    centred_model = model - model.mean(axis=0)
    mean = observed.mean(axis=1)
    centred = observed - mean[:, None]
    left, singular, right = np.linalg.svd(centred.swapaxes(1, 2) @ centred_model)
    signs = np.ones_like(singular)
    signs[:, 2] = np.sign(np.linalg.det(left @ right))
    rotations = (left * signs[:, None]) @ right
    scale = (singular * signs).sum(axis=1) / (centred_model**2).sum()  # focal lengths per centimetre = 1 / distance
    distance = 1 / scale
    center = np.concatenate([mean[:, :2], -np.ones((len(mean), 1))], axis=1) * distance[:, None]
    return rotations, center - (rotations @ model.mean(axis=0))


def _linearise(observed: np.ndarray, turned: np.ndarray, translations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Residuals (T, 3K) and their derivatives (T, 3K, 6) by a small turn (of the turned model) and a shift."""
    seen = turned + translations[:, None]
    depth = -seen[..., 2]
    x, y = seen[..., 0] / depth, seen[..., 1] / depth
    distance = -translations[:, None, 2]
    one, zero = np.ones_like(x), np.zeros_like(x)
    # Rows: by the point (X, Y, Z) of camera space, x = X / -Z, y = Y / -Z, and depth relative to the mean, over the
    # distance: the landmarks' z is scaled like the image (weak perspective).
    by_point = np.stack(
        [
            np.stack([one / depth, zero, x / depth], axis=-1),
            np.stack([zero, one / depth, y / depth], axis=-1),
            np.stack([zero, zero, DEPTH_WEIGHT / distance * one], axis=-1),
        ],
        axis=2,
    )  # (T, K, 3, 3)
    relative = (turned[..., 2] - turned[..., 2].mean(axis=1, keepdims=True)) / distance
    depth_seen = observed[..., 2] - observed[..., 2].mean(axis=1, keepdims=True)
    residual = np.stack([observed[..., 0] - x, observed[..., 1] - y, DEPTH_WEIGHT * (depth_seen - relative)], axis=-1)
    # d(turned) = w x turned.
    a, b, c = turned[..., 0], turned[..., 1], turned[..., 2]
    by_turn = np.stack(
        [
            np.stack([zero, c, -b], axis=-1),
            np.stack([-c, zero, a], axis=-1),
            np.stack([b, -a, zero], axis=-1),
        ],
        axis=2,
    )
    turn_rows = by_point @ by_turn
    # A shift leaves the relative depth alone.
    shift_rows = by_point * np.array([[1.0], [1.0], [0.0]])
    jacobian = np.concatenate([turn_rows, shift_rows], axis=-1)  # (T, K, 3, 6)
    frames = len(observed)
    return residual.reshape(frames, -1), jacobian.reshape(frames, -1, 6)


def _rotation_matrices(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (T, 3, 3) of rotation vectors (T, 3) (Rodrigues)."""
    from scipy.spatial.transform import Rotation

    result: np.ndarray = Rotation.from_rotvec(vectors).as_matrix()
    return result
