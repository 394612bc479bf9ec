"""The data set of a person who is an ellipsoid with a mouth before a background, rendered by analysis."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from visavox.face.geometry.landmarks import IBUG_68

CENTER, RADII = np.array([0.0, 0.0, -6.0]), np.array([7.0, 9.0, 7.0])
"""Of the ellipsoid, centimetres of head space."""
LOWER_LIP = (55, 56, 57, 58, 59, 65, 66, 67)
DISTANCE = 50.0


def make_person(folder: Path, *, frames: int = 60, size: int = 32, seed: int = 0) -> Path:
    """Write a person's data set: the last tenth of the frames is held out."""
    rng = np.random.default_rng(seed)
    focal, center = 1.3 * size, (size - 1) / 2
    time = np.arange(frames)
    angles = np.stack([0.1 * np.sin(time / 7), 0.25 * np.sin(time / 11), 0.05 * np.sin(time / 5)], axis=1)
    rotations = Rotation.from_rotvec(angles).as_matrix()
    translations = np.stack([np.sin(time / 9), 1 + 0.5 * np.cos(time / 6), -DISTANCE + np.sin(time / 13)], axis=1)
    opening = 0.5 + 0.5 * np.sin(time / 2)  # 0 to 1
    displacements = 0.01 * rng.standard_normal((frames, len(IBUG_68), 3))
    displacements[:, LOWER_LIP, 1] -= 1.5 * opening[:, None]

    rows, columns = np.mgrid[:size, :size]
    background = np.stack([60 + 2 * rows, np.full_like(rows, 120), 200 - 2 * columns], axis=2).clip(0, 255)
    torso = np.zeros((frames, size, size, 4))
    torso[..., :3] = (40, 90, 60)
    torso[:, int(0.7 * size) :, size // 6 : -size // 6, 3] = 255
    torso[..., 1] += columns * 3
    share = torso[..., 3:] / 255
    pictures = share * torso[..., :3] + (1 - share) * background
    heads = np.zeros((frames, size, size))
    for frame in range(frames):
        color, cover = _ellipsoid(size, focal, center, rotations[frame], translations[frame], opening[frame])
        pictures[frame] = cover[..., None] * color + (1 - cover[..., None]) * pictures[frame]
        heads[frame] = 255 * cover
    _write(folder, background, torso, pictures, heads)
    np.savez(
        folder / "motion.npz",
        displacements=displacements.astype(np.float32),
        confidence=np.ones(frames, np.float32),
        rotations=rotations.astype(np.float32),
        translations=translations.astype(np.float32),
        usable=np.ones(frames, bool),
    )
    camera = {"focal_length": focal, "principal_point": [center, center], "size": size, "near": 35.0, "far": 75.0}
    (folder / "camera.json").write_text(json.dumps(camera))
    held_out = frames - frames // 10
    (folder / "split.json").write_text(json.dumps({"train": [[0, held_out]], "test": [[held_out, frames]]}))
    np.save(folder / "speech.npy", np.zeros(640 * frames, np.int16))
    return folder


def _write(folder: Path, background: np.ndarray, torso: np.ndarray, pictures: np.ndarray, heads: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        "frames": pictures,
        "background": background,
        "torso": torso,
        "head_mask": heads,
        "torso_mask": torso[..., 3] * (1 - heads / 255),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.round(array).astype(np.uint8))


def _ellipsoid(
    size: int,
    focal: float,
    center: float,
    rotation: np.ndarray,
    translation: np.ndarray,
    opening: np.float64,
    fine: int = 3,
) -> tuple[np.ndarray, np.ndarray]:
    """Colour (H, W, 3) and cover (H, W) of the ellipsoid, averaged over `fine` squared rays a pixel."""
    steps = (np.arange(size * fine) + 0.5) / fine - 0.5
    y, x = np.meshgrid(steps, steps, indexing="ij")
    seen = np.stack([(x - center) / focal, -(y - center) / focal, -np.ones_like(x)], axis=-1)
    directions = seen @ rotation  # camera to head: the transpose, for rows
    origin = -translation @ rotation
    # |(origin + t direction - CENTER) / RADII| = 1
    a = ((directions / RADII) ** 2).sum(axis=-1)
    b = (directions / RADII * ((origin - CENTER) / RADII)).sum(axis=-1)
    c = (((origin - CENTER) / RADII) ** 2).sum() - 1
    root = b**2 - a * c
    hit = root > 0
    distance = (-b - np.sqrt(np.where(hit, root, 0))) / a
    point = origin + distance[..., None] * directions
    color = np.stack([170 + 4 * point[..., 0], 120 + 5 * point[..., 1], 100 + 20 * np.sin(point[..., 0])], axis=-1)
    mouth = (point[..., 0] / 2.2) ** 2 + ((point[..., 1] + 4) / (0.3 + 1.2 * opening)) ** 2 < 1
    color = np.where(mouth[..., None], (60, 15, 25), color).clip(0, 255)
    shape = (size, fine, size, fine)
    cover = hit.reshape(shape).mean(axis=(1, 3))
    color = (color * hit[..., None]).reshape(*shape, 3).sum(axis=(1, 3))
    return color / np.maximum(hit.reshape(shape).sum(axis=(1, 3)), 1)[..., None], cover
