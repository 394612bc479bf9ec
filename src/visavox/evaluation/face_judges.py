"""Networks that judge the picture of the whole face, and one pass of a video before them."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from visavox.errors import InputError
from visavox.evaluation.face_figures import FaceFeatures, FaceFigures
from visavox.evaluation.judge_settings import FaceJudgeSettings
from visavox.face.geometry.crop import CropSpec, crop_transforms, warp_crop
from visavox.metrics.cpbd import cpbd
from visavox.metrics.identity import cosine_similarity, recognition_crop
from visavox.models.perceptual.face_embedding import FaceEmbedding
from visavox.models.perceptual.inception import FidInception
from visavox.models.perceptual.lpips import Lpips
from visavox.types import Frame, Track
from visavox.weights.inception import load_inception
from visavox.weights.lpips import load_lpips

CROP_SIZE = 256
"""Side of the face crop that LPIPS and Inception see, in pixels: fixed, because both depend on the scale."""
NO_INCEPTION = "no Inception weights"
_BATCH = 16

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FaceJudges:
    """What judges a face; None is not asked."""

    lpips: Lpips | None = None
    """Learned distance."""
    inception: FidInception | None = None
    """Features for FID."""
    embedding: FaceEmbedding | None = None
    """Who it is."""
    cpbd: bool = False
    """Measure sharpness without a reference."""
    not_measured: dict[str, str] = field(default_factory=dict)
    """What was asked for and cannot be measured: path of the figure -> why."""


def load_face_judges(settings: FaceJudgeSettings) -> FaceJudges | None:
    """Load the networks that were asked for; None if none was.

    FID without weights is no error: its row says so, and the log what to download.

    Raises:
        InputError: the weights of another cannot be had, or a file holds something else.
    """
    if settings.lpips is None and (settings.lpips_weights or settings.lpips_linear):
        raise InputError("weights of LPIPS were given, but not of which network; add --lpips alex, vgg or squeeze")
    if not settings.fid and settings.fid_weights:
        raise InputError("weights of Inception were given, but FID was not asked for; add --fid")
    if not settings.asked_for:
        return None
    lpips, inception, not_measured = None, None, {}
    if settings.lpips is not None:
        lpips = load_lpips(settings.lpips, weights=settings.lpips_weights, linear=settings.lpips_linear)
    if settings.fid:
        try:
            inception = load_inception(settings.fid_weights)
        except InputError as error:
            if settings.fid_weights is not None:
                raise
            _logger.warning("FID is not measured: %s", error)
            not_measured["fid"] = NO_INCEPTION
    embedding = None if settings.identity is None else FaceEmbedding(settings.identity)
    return FaceJudges(lpips, inception, embedding, settings.cpbd, not_measured)


class FacePass:
    """Shows the judges one pair of faces after the other.

    Args:
        judges: who judges.
        dubbed: track of the dubbed video.
        true: track of the recording.
        aligned: both faces are cut out by their own landmarks; otherwise both by those of the recording, because the
            heads coincide.
    """

    def __init__(self, judges: FaceJudges, dubbed: Track, true: Track, aligned: bool) -> None:
        self._judges, self._tracks, self._aligned = judges, (dubbed, true), aligned
        spec = CropSpec(size=CROP_SIZE)
        self._matrices = [crop_transforms(track, spec) for track in self._tracks]
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._lpips: list[float] = []
        self._features: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        self._cpbd: tuple[list[float], list[float]] = ([], [])
        self._identity: list[float] = []

    def add(self, frame: Frame, true: Frame) -> None:
        """Take a dubbed frame and its partner in the truth; both have a usable face."""
        frames = (frame, true)
        landmarks = [track.landmarks[each.index] for track, each in zip(self._tracks, frames, strict=True)]
        if self._judges.cpbd:
            for each, points, values in zip(frames, landmarks, self._cpbd, strict=True):
                values.append(cpbd(face_rectangle(each.image, points)))
        if self._judges.embedding is not None:
            pair = [recognition_crop(each.image, points) for each, points in zip(frames, landmarks, strict=True)]
            first, second = self._judges.embedding(np.stack(pair))
            self._identity.append(float(cosine_similarity(first, second)))
        if self._judges.lpips is not None or self._judges.inception is not None:
            matrix = self._matrices[1][true.index]
            own = self._matrices[0][frame.index] if self._aligned else matrix
            self._waiting.append((warp_crop(frame.image, own, CROP_SIZE), warp_crop(true.image, matrix, CROP_SIZE)))
            if len(self._waiting) == _BATCH:
                self._judge_waiting()

    def result(self) -> tuple[FaceFigures, FaceFeatures | None]:
        """Average what the judges said."""
        self._judge_waiting()
        figures = FaceFigures(
            lpips=_mean(self._lpips),
            lpips_network=None if self._judges.lpips is None else self._judges.lpips.network,
            cpbd=_mean(self._cpbd[0]),
            true_cpbd=_mean(self._cpbd[1]),
            identity=_mean(self._identity),
        )
        if not self._features[0]:
            return figures, None
        return figures, FaceFeatures(*(np.concatenate(each) for each in self._features))

    @torch.inference_mode()
    def _judge_waiting(self) -> None:
        if not self._waiting:
            return
        dubbed, true = (_to_tensor(np.stack(crops)) for crops in zip(*self._waiting, strict=True))
        self._waiting.clear()
        if self._judges.lpips is not None:
            self._lpips += self._judges.lpips(dubbed, true).tolist()
        if self._judges.inception is not None:
            for pictures, found in zip((dubbed, true), self._features, strict=True):
                found.append(self._judges.inception(pictures).numpy())


def face_rectangle(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Cut the upright rectangle around all landmarks of a face out of a picture, its pixels as they are."""
    low = np.clip(np.floor(landmarks[:, :2].min(axis=0)).astype(int), 0, None)
    high = np.ceil(landmarks[:, :2].max(axis=0)).astype(int) + 1
    return image[low[1] : high[1], low[0] : high[0]]


def _to_tensor(crops: np.ndarray) -> Tensor:
    """Turn uint8 (B, H, W, 3) into float32 (B, 3, H, W) in [0, 1]."""
    return torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous().float() / 255


def _mean(values: list[float]) -> float:
    numbers = [value for value in values if not math.isnan(value)]
    return float(np.mean(numbers)) if numbers else math.nan
