"""Range of the motion that a person's video shows, and landmarks clamped to it.

A radiance field knows what it was shown. A mouth that is opened further than ever, or a shape that no frame had, comes
out as a smear. So a motion is described by the principal components of the person's own displacements: each is held
within what was seen, and all together no further from the mean than the video ever was. What the components leave
over is kept, the lips' above all, because a shut mouth hangs on it, as far as it is no larger than usual.
"""

from __future__ import annotations

import numpy as np

from visavox.errors import InputError
from visavox.types import Motion

KEPT = 0.995
"""Share of the variance that the components hold."""
EDGE = 0.005
"""Quantile at either end within which a component is left as it is."""
KNEE = 0.25
"""Room beyond that, as a share of the distance from the median to the quantile."""
FARTHEST = 0.999
"""Quantile of the distance from the mean, in deviations of the components, up to which frames are left as they are."""
_PIECE = 1500  # frames at a time, which bounds the memory


class MotionRange:
    """The range of one person's displacements.

    Args:
        motion: of the person; frames with confidence 0 do not count.

    Raises:
        InputError: their face was seen in fewer than two frames.
    """

    def __init__(self, motion: Motion) -> None:
        seen = motion.displacements[motion.confidence > 0].reshape(-1, 204).astype(np.float64)
        if len(seen) < 2:
            raise InputError("the avatar's performance shows its face in fewer than two frames; build it again")
        self.low, self.high = seen.min(axis=0), seen.max(axis=0)
        self.mean = seen.mean(axis=0)
        _, deviations, components = np.linalg.svd(seen - self.mean, full_matrices=False)
        share = np.cumsum(deviations**2) / max(float((deviations**2).sum()), 1e-12)
        count = 1 + int(np.searchsorted(share, KEPT))
        self.components = components[:count]
        """float64 (K, 204)."""
        known = (seen - self.mean) @ self.components.T
        self._deviation = np.maximum(known.std(axis=0), 1e-6)
        self._bounds = np.quantile(known, [EDGE, 0.5, 1 - EDGE], axis=0)
        self._radius = float(np.quantile(_length(known / self._deviation), FARTHEST))
        rest = (seen - self.mean - known @ self.components).reshape(-1, 68, 3)
        self._rest = np.quantile(np.linalg.norm(rest, axis=-1), 1 - EDGE, axis=0)  # (68,)

    def clamp(self, displacements: np.ndarray) -> np.ndarray:
        """Bring displacements (T, 68, 3), centimetres, into the range of the person's: float32 (T, 68, 3).

        What lies within it stays; no number leaves that of the video.
        """
        clamped = np.empty(displacements.shape, np.float32)
        for start in range(0, len(displacements), _PIECE):
            clamped[start : start + _PIECE] = self._clamped(displacements[start : start + _PIECE].astype(np.float64))
        return clamped

    def _clamped(self, displacements: np.ndarray) -> np.ndarray:
        flat = displacements.reshape(-1, 204) - self.mean
        asked = flat @ self.components.T
        rest = (flat - asked @ self.components).reshape(-1, 68, 3)
        length = np.linalg.norm(rest, axis=-1)
        rest *= np.minimum(1, self._rest / np.maximum(length, 1e-9))[..., None]
        low, middle, high = self._bounds
        given = _soft_limit(asked, high, KNEE * (high - middle))
        given = -_soft_limit(-given, -low, KNEE * (middle - low))
        far = _length(given / self._deviation)
        given *= np.minimum(1, self._radius / np.maximum(far, 1e-9))[:, None]
        made = self.mean + given @ self.components + rest.reshape(-1, 204)
        return np.asarray(np.clip(made, self.low, self.high).reshape(-1, 68, 3), np.float32)


def _soft_limit(values: np.ndarray, limit: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Leave values (T, K) up to a limit as they are, and let them go no further beyond it than the room (K,)."""
    room = np.maximum(room, 1e-9)
    return np.where(values > limit, limit + room * np.tanh((values - limit) / room), values)


def _length(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(values, axis=-1))
