"""Face crops of two videos, batch by batch, for networks that are shown both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from visavox.metrics.metric import Measure
from visavox.metrics.pair import FaceFrame

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 16


class FaceCropMeasure(Measure):
    """Gathers the face crops of both videos, and gives them to `take` some at a time."""

    def __init__(self) -> None:
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, frame: FaceFrame, true_frame: FaceFrame | None) -> None:
        """Take the faces of a pair of frames."""
        if true_frame is not None:
            self._waiting.append((frame.face, true_frame.face))
            if len(self._waiting) == _BATCH:
                self.finish()

    def take(self, faces: Tensor, true_faces: Tensor) -> None:
        """Show a network two batches of faces, float32 RGB (B, 3, 256, 256) in [0, 1]."""
        raise NotImplementedError

    def finish(self) -> None:
        """Give on what has been gathered."""
        import torch

        if self._waiting:
            faces, true_faces = (_to_tensor(np.stack(crops)) for crops in zip(*self._waiting, strict=True))
            self._waiting.clear()
            with torch.inference_mode():
                self.take(faces, true_faces)


def _to_tensor(crops: np.ndarray) -> Tensor:
    """Turn uint8 (B, H, W, 3) into float32 (B, 3, H, W) in [0, 1]."""
    import torch

    return torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous().float() / 255
