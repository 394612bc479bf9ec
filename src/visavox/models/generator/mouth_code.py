"""Code of a mouth: a motion of 68 landmarks as the few numbers of mouth motion.

The numbers are those of `visavox.models.generator.motion_basis`, counted from the person's own face at rest: the
opening of the lips, absolute, and components of the shape of lips and chin. All of it is linear in the landmarks, and
was fitted on the training clips (`visavox.data.generator.mouth_code_fit`).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from visavox.face.geometry.landmarks import IBUG_68
from visavox.face.geometry.motion import EYE_LEFT, EYE_RIGHT, LOWER_LIP, UPPER_LIP, resting_face
from visavox.face.geometry.pose import canonical_face

NUM_POINTS = len(IBUG_68)


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
