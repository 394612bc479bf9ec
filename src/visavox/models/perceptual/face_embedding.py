"""A face recognition network that the user brings: one vector for a face, alike for images of one person."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from visavox.errors import InputError
from visavox.runtime.file_kind import diagnose
from visavox.types import PathLike

FACE_SIZE = 112
"""Side of the image that such networks take."""


class FaceEmbedding:
    """An ONNX network of the ArcFace kind (Deng et al., CVPR 2019), run by OpenCV.

    It takes (B, 3, 112, 112) RGB, (x - 127.5) / 127.5, of a face aligned by five points, and gives one vector a face.
    visavox ships none: the published ones are for research only.

    Args:
        path: the .onnx file.

    Raises:
        InputError: there is no such file, OpenCV cannot read it, or it does not take such images.
    """

    def __init__(self, path: PathLike) -> None:
        diagnose(Path(path))
        try:
            self._network = cv2.dnn.readNetFromONNX(str(path))
            blank = self(np.full((1, FACE_SIZE, FACE_SIZE, 3), 127, np.uint8))
        except cv2.error as error:
            raise InputError(
                f"{path} cannot be used as a face embedding ({str(error).strip().splitlines()[-1]}); give an ONNX "
                "network of the ArcFace kind, which takes 1x3x112x112 and gives one vector"
            ) from error
        if blank.shape[1] < 2:
            raise InputError(f"{path} gives one number for a face; a face embedding gives a vector")

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """Embed faces.

        Args:
            faces: uint8 RGB (B, 112, 112, 3).

        Returns:
            float32 (B, D), of any length.
        """
        embeddings = []
        for face in faces:  # one at a time: most published files have a batch of one built in
            blob = (face.astype(np.float32).transpose(2, 0, 1)[None] - 127.5) / 127.5
            self._network.setInput(blob)
            embeddings.append(np.asarray(self._network.forward(), np.float32).reshape(-1))
        return np.stack(embeddings)
