"""Difference outside: how far the image around the mouth is from the source's."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from visavox.face.composite import mask_points
from visavox.face.composite.mouth_mask import mouth_mask
from visavox.face.geometry import CropSpec, crop_transforms, eye_distance
from visavox.metrics.metric import Measure, Metric, MetricInfo, NotMeasured, Result
from visavox.metrics.pair import Video, VideoPair
from visavox.types import Frame

_TOLERANCE = 0.1
"""Distances of the eye corners by which the region is widened: masks of other models, landmarks found again."""

_LEVELS = "8-bit levels"
_SIZES = "the source has no frame of the same size at these times"
_MEAN = "mean absolute difference to the source, of pixels outside the generated region"


@dataclass(frozen=True, kw_only=True)
class OutsideOptions:
    """Comparison of the image outside the mouth."""

    without_codec: bool = False
    """Do not encode the source once more, which tells the codec's loss from the dub's. Quicker."""


class Outside(Metric):
    """Absolute difference of the pixels outside the generated region, and what of it the codec alone makes."""

    infos = (
        MetricInfo(
            name="outside.mean",
            column="outside",
            title="Difference outside",
            formula=_MEAN,
            range="0 to 255",
            unit=_LEVELS,
            decimals=2,
            higher_is_better=False,
            best="that of the codec",
            undefined=_SIZES,
        ),
        MetricInfo(
            name="outside.codec_mean",
            column="codec",
            title="Difference by the codec",
            formula="the same for the source encoded once more with nothing generated",
            range="0 to 255",
            unit=_LEVELS,
            decimals=2,
            undefined=_SIZES,
        ),
        MetricInfo(
            name="outside.maximum",
            column="outside, largest",
            title="Largest difference outside",
            formula="largest absolute difference of any channel of these pixels",
            range="0 to 255",
            unit=_LEVELS,
            decimals=0,
            undefined=_SIZES,
            in_table=False,
        ),
        MetricInfo(
            name="outside.percentile_99",
            column="outside, 99 %",
            title="Difference outside, 99th percentile",
            formula="99 % of channels of these pixels differ by at most this much",
            range="0 to 255",
            unit=_LEVELS,
            decimals=0,
            undefined=_SIZES,
            in_table=False,
        ),
        MetricInfo(
            name="outside.codec_maximum",
            column="codec, largest",
            title="Largest difference by the codec",
            formula="the largest difference for the source encoded once more",
            range="0 to 255",
            unit=_LEVELS,
            decimals=0,
            undefined=_SIZES,
            in_table=False,
        ),
    )
    options_type = OutsideOptions

    def __init__(self, options: OutsideOptions | None = None) -> None:
        super().__init__(options)
        self.needs = frozenset({"source"} if self.options.without_codec else {"source", "encoded_source"})

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos.

        Raises:
            NotMeasured: the source is not known.
        """
        if pair.source is None:
            raise NotMeasured("the head does not do the same in both videos, and no source was given")
        return _OutsideMeasure(pair.source, not self.options.without_codec)


class _OutsideMeasure(Measure):
    def __init__(self, source: Video, with_codec: bool) -> None:
        self._track, self._with_codec = source.track, with_codec
        self._spec = CropSpec().with_margin(1.25, 192)
        self._transforms = crop_transforms(source.track, self._spec)
        self._dubbed, self._codec = DifferenceHistogram(), DifferenceHistogram()

    def add_source(self, frame: Frame, source_frame: Frame, encoded_frame: Frame | None) -> None:
        image, source = frame.image, source_frame.image
        if image.shape != source.shape:
            return
        outside = np.ones(image.shape[:2], bool)
        index = source_frame.index
        if self._track.usable[index]:
            size = image.shape[1], image.shape[0]
            landmarks = self._track.landmarks[index]
            outside = ~generated_region(landmarks, self._transforms[index], self._spec.size, size)
        self._dubbed.add(image, source, outside)
        if encoded_frame is not None and encoded_frame.image.shape == source.shape:
            self._codec.add(encoded_frame.image, source, outside)

    def result(self) -> Result:
        found = {
            "outside.mean": self._dubbed.mean,
            "outside.maximum": self._dubbed.maximum,
            "outside.percentile_99": self._dubbed.percentile(99),
        }
        if self._with_codec:
            found |= {"outside.codec_mean": self._codec.mean, "outside.codec_maximum": self._codec.maximum}
        return found


def generated_region(landmarks: np.ndarray, matrix: np.ndarray, size: int, frame_size: tuple[int, int]) -> np.ndarray:
    """Draw where the mask over mouth and jaw can reach, generously.

    Args:
        landmarks: (478, 2 or 3) of the source frame, in pixels.
        matrix: (2, 3), frame pixels to the pixels of an aligned crop wider than the networks' own.
        size: side of that crop.
        frame_size: width and height of the frame.

    Returns:
        bool (H, W).
    """
    points = mask_points(landmarks) @ matrix[:, :2].T + matrix[:, 2]
    blend = mouth_mask(points, size).blend
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    radius = max(1, round(_TOLERANCE * float(eye_distance(landmarks)) * scale))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    region = cv2.dilate((blend > 0).astype(np.uint8), kernel)
    return cv2.warpAffine(region, matrix, frame_size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0


class DifferenceHistogram:
    """Counts absolute differences of images over many frames: exact mean, maximum and percentiles in 256 bins."""

    def __init__(self) -> None:
        self.counts = np.zeros(256, np.int64)

    def add(self, image: np.ndarray, source: np.ndarray, outside: np.ndarray) -> None:
        """Count the pixels of two uint8 (H, W, 3) images where `outside`, bool (H, W), is true."""
        difference = cv2.absdiff(image, source)[outside]
        self.counts += np.bincount(difference.reshape(-1), minlength=256)

    @property
    def mean(self) -> float:
        """Mean absolute difference; NaN if nothing was counted."""
        total = int(self.counts.sum())
        return float(self.counts @ np.arange(256)) / total if total else float("nan")

    @property
    def maximum(self) -> float:
        """Largest difference; NaN if nothing was counted."""
        filled = np.flatnonzero(self.counts)
        return float(filled[-1]) if len(filled) else float("nan")

    def percentile(self, percent: float) -> float:
        """Smallest level that `percent` of the counted values do not exceed."""
        total = int(self.counts.sum())
        if not total:
            return float("nan")
        return float(np.searchsorted(np.cumsum(self.counts), percent / 100 * total))
