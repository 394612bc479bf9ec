"""Identity similarity: how alike a recognition network finds the dubbed and the true face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from visavox.errors import InputError
from visavox.metrics.metric import Measure, Metric, MetricInfo, Result, mean
from visavox.metrics.pair import FaceFrame, VideoPair, fit_similarity
from visavox.models.perceptual import FACE_SIZE, FaceEmbedding

ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Places of the centres of the eyes, the tip of the nose and the corners of the mouth in ArcFace's 112x112 pixels."""

_EYES = ((33, 133), (362, 263))
_NOSE, _MOUTH = 1, (61, 291)


@dataclass(frozen=True, kw_only=True)
class IdentityOptions:
    """Identity of the face."""

    identity: Path | None = None
    """Face recognition network (.onnx, of the ArcFace kind): measure how alike it finds the two faces."""


class Identity(Metric):
    """Cosine similarity of the embeddings of both faces, mean over frames."""

    infos = (
        MetricInfo(
            name="identity",
            column="identity",
            title="Identity similarity (CSIM)",
            formula="cosine of the embeddings of the dubbed and the true face by the recognition network that was "
            "given; mean over frames",
            source="Deng et al., CVPR 2019 (ArcFace)",
            range="-1 to 1",
            higher_is_better=True,
            best="1",
        ),
    )
    needs = frozenset({"frames"})
    options_type = IdentityOptions
    by_default = False

    @cached_property
    def _embedding(self) -> FaceEmbedding:
        if self.options.identity is None:
            raise InputError(
                "identity is measured by a network of yours; give --identity FILE.onnx of the ArcFace kind"
            )
        return FaceEmbedding(self.options.identity)

    def prepare(self) -> None:
        """Load the network."""
        _ = self._embedding

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos."""
        return _IdentityMeasure(self._embedding)

    def facts(self) -> list[str]:
        """Say which network it is."""
        return [f"identity by {self.options.identity.name}"]


class _IdentityMeasure(Measure):
    def __init__(self, embedding: FaceEmbedding) -> None:
        self._embedding = embedding
        self._values: list[float] = []

    def add(self, frame: FaceFrame, true_frame: FaceFrame | None) -> None:
        if true_frame is not None:
            crops = [recognition_crop(each.image, each.landmarks) for each in (frame, true_frame)]
            first, second = self._embedding(np.stack(crops))
            self._values.append(float(cosine_similarity(first, second)))

    def result(self) -> Result:
        return {"identity": mean(self._values)}


def cosine_similarity(embedding: np.ndarray, true_embedding: np.ndarray) -> np.ndarray:
    """Cosine of the angle between embeddings of faces: identity similarity (CSIM).

        cos = e . e' / (|e| |e'|)

    What counts as one person depends on the network: for ArcFace (Deng et al., CVPR 2019) mostly above 0.3.

    Args:
        embedding: (..., D) of the dubbed faces.
        true_embedding: (..., D) of the true ones.

    Returns:
        (...), -1 to 1; NaN for a vector of zeros.

    >>> cosine_similarity(np.array([[3.0, 4], [1, 0]]), np.array([[6.0, 8], [0, 2]])).round(6).tolist()
    [1.0, 0.0]
    """
    lengths = np.linalg.norm(embedding, axis=-1) * np.linalg.norm(true_embedding, axis=-1)
    products = (embedding * true_embedding).sum(axis=-1)
    cosines: np.ndarray = np.divide(
        products, lengths, out=np.full_like(products, np.nan, dtype=np.float64), where=lengths > 0
    )
    return cosines


def recognition_crop(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Cut a face out as recognition networks were trained on it: five points brought onto fixed places.

    Args:
        image: uint8 RGB (H, W, 3).
        landmarks: (478, 2 or 3) in pixels.

    Returns:
        uint8 RGB (112, 112, 3).
    """
    eyes = [landmarks[list(corners), :2].mean(axis=0) for corners in _EYES]
    points = np.stack([*eyes, landmarks[_NOSE, :2], landmarks[_MOUTH[0], :2], landmarks[_MOUTH[1], :2]])
    return cv2.warpAffine(image, fit_similarity(points, ARCFACE_POINTS), (FACE_SIZE, FACE_SIZE))
