"""Prediction of mouths: conditions, crops and references in, images of faces out, on any backend.

Layers are composited on the processor as `Layers.composite` does it, six times as fast: Torch resizes and samples in
float32 for any number of channels; OpenCV has routines for images.
"""

from __future__ import annotations

import cv2
import numpy as np

from visavox.dubbing.backends import GeneratorBackend, ImageLayers

_ROWS_ABOVE = 8
"""Rows above the rendered half that are made as well, so that its border can be interpolated."""


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


def composite_layers(grid: np.ndarray, colors: np.ndarray, alpha: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Warp a reference and composite the rendered colours over it.

    Args:
        grid: float32 (N, N, 2), where in the reference each pixel comes from, x and y in [-1, 1].
        colors: float32 RGB (N, N, 3) in [0, 1].
        alpha: float32 (N, N), how much of the colours lies over the warped reference, in [0, 1].
        reference: uint8 RGB (S, S, 3), S >= N.

    Returns:
        float32 RGB (S, S, 3) in [0, 1]. The upper half, which nobody pastes, is black but for a few rows.
    """
    size, small = len(reference), len(grid)
    top = size // 2 - _ROWS_ABOVE
    rows = _rows_to(top, small, size)
    layers = [_enlarged(layer, rows, size, size - top) for layer in (grid, colors, alpha)]
    positions = (layers[0] + 1) * np.float32(size / 2) - np.float32(0.5)
    flags = cv2.INTER_CUBIC if size > small else cv2.INTER_LINEAR
    source = reference.astype(np.float32) / 255
    warped = cv2.remap(source, positions, np.empty((0, 0), np.float32), flags, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.merge((layers[2],) * 3)
    result = np.zeros((size, size, 3), np.float32)
    result[top:] = warped + weight * (layers[1] - warped)
    return np.clip(result, 0, 1, out=result)


def _rows_to(top: int, small: int, size: int) -> np.ndarray:
    """The (2, 3) matrix from pixels of the small layers to those of the enlarged ones from row `top` on."""
    scale = size / small
    shift = 0.5 * scale - 0.5  # pixel centres stay where they are
    return np.array([[scale, 0, shift], [0, scale, shift - top]])


def _enlarged(layer: np.ndarray, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    if matrix[0, 0] == 1:
        return np.ascontiguousarray(layer[-height:])
    return cv2.warpAffine(layer, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
