"""Prediction of mouths: conditions, crops and references in, images of faces out, on any backend."""

from __future__ import annotations

import cv2
import numpy as np

from visavox.dubbing.backends import GeneratorBackend, ImageLayers
from visavox.dubbing.layers import composite_layers


class LipSyncPredictor:
    """A generator behind its backend, with the crops of a video made fit for it.

    Attributes:
        backend: what runs the generator.
        spec: contract of the generator.
    """

    def __init__(self, backend: GeneratorBackend) -> None:
        self.backend = backend
        self.spec = backend.spec

    @property
    def audio_driven(self) -> bool:
        """Tell whether audio drives it; else motion does."""
        return self.spec.audio is not None

    @property
    def knows_motion(self) -> bool:
        """Tell whether the motion of the mouth is known before it is rendered, and so can be scaled."""
        return self.backend.mouth is not None or not self.audio_driven

    def render(self, condition: np.ndarray, targets: np.ndarray, references: np.ndarray) -> np.ndarray:
        """Render faces.

        Args:
            condition: float32 (B T, D), of T frames in each of B contexts.
            targets: uint8 RGB (B, T, S, S, 3), crops of the frames; the region that is regenerated is not looked at.
                S is the size of the generator's crop, or, if it is layered, a multiple of it.
            references: uint8 RGB (B, K, S, S, 3), images of the same faces.

        Returns:
            float32 RGB (B, T, S, S, 3) in [0, 1].
        """
        hidden = self.spec.region.hide(self._shrunk(targets))
        rendered = self.backend.render(condition, hidden, self._shrunk(references))
        if not isinstance(rendered, ImageLayers):
            return rendered
        contexts, frames = targets.shape[:2]
        return np.stack(
            [
                np.stack(
                    [
                        composite_layers(
                            rendered.grid[context, frame],
                            rendered.colors[context, frame],
                            rendered.alpha[context, frame],
                            references[context, 0],
                        )
                        for frame in range(frames)
                    ]
                )
                for context in range(contexts)
            ]
        )

    def _shrunk(self, crops: np.ndarray) -> np.ndarray:
        """Bring crops (B, T, S, S, 3) to the size that the generator sees."""
        size = self.spec.crop.size
        if crops.shape[2] == size:
            return crops
        flat = crops.reshape(-1, *crops.shape[2:])
        small = np.stack([cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA) for crop in flat])
        return small.reshape(*crops.shape[:2], size, size, 3)
