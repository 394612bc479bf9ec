"""A dubbed video and its true recording as metrics see them: tracks, audio, frames, their crops and alignment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import cv2
import numpy as np

from visavox.face.geometry import RIGID, CropSpec, crop_transforms, eye_distance, warp_crop
from visavox.face.geometry.landmarks import LIPS_OUTER
from visavox.types import Frame, PathLike, Track

COINCIDENCE = 0.03
"""Heads are in the same place when rigid points lie within this of each other, in distances of the eye corners."""

FACE_SIZE = 256
"""Side of the face crop that LPIPS and Inception see, in pixels: fixed, because both depend on the scale."""

MOUTH_WIDTH, MOUTH_HEIGHT = 0.9, 0.7
"""Sides of the mouth region, in distances of the outer eye corners: a wide open mouth with a rim of skin."""

_RIGID = list(RIGID)


@dataclass(frozen=True, eq=False)
class Video:
    """One video, with the face that is measured in it."""

    path: PathLike
    """The file."""
    track: Track
    """The face, in every frame."""
    audio: np.ndarray | None = None
    """float32 (N,), 16 kHz: the speech that the mouth should follow; sample 0 is heard with the first frame. None:
    there is none."""


@dataclass(frozen=True, eq=False)
class VideoPair:
    """A dubbed video of T frames and the recording that it is compared with."""

    dubbed: Video
    """The video that is measured."""
    true: Video
    """The recording."""
    partners: np.ndarray
    """int64 (T,): the frame of the recording that is shown with each dubbed frame, -1 for none."""
    source: Video | None = None
    """The video that was dubbed: the recording itself where the head does the same in both; None: not known."""
    aligned: bool = False
    """Crops are cut out of each video by its own landmarks, because the heads do not coincide (or that was asked
    for); otherwise out of both by those of the recording."""

    @cached_property
    def paired(self) -> np.ndarray:
        """int64 (P,): the dubbed frames that have a partner."""
        return np.flatnonzero(self.partners >= 0)

    @cached_property
    def both(self) -> np.ndarray:
        """bool (T,): frames with a usable face in both videos."""
        both: np.ndarray = (self.partners >= 0) & self.dubbed.track.usable & self.true.track.usable[self.partners]
        return both

    @cached_property
    def times(self) -> np.ndarray:
        """float64 (P,): presentation times of the paired frames, seconds."""
        return np.array([float(self.dubbed.track.times[index]) for index in self.paired])

    def curves(self, measure: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Measure the paired frames of both videos by a function of landmarks; float64 (P,), as `track_curve`."""
        dubbed, true = (track_curve(video.track, measure) for video in (self.dubbed, self.true))
        return dubbed[self.paired], true[self.partners[self.paired]]

    def faces(self, frame: Frame, true_frame: Frame | None) -> tuple[FaceFrame, FaceFrame | None]:
        """Put landmarks to two decoded frames.

        Returns:
            both, or the dubbed one and None, where a face is missing or a mouth lies outside of its frame.
        """
        face = FaceFrame(self, frame, self.dubbed)
        if true_frame is None:
            return face, None
        true_face = FaceFrame(self, true_frame, self.true)
        if not (face.is_usable and true_face.is_usable and face.own_mouth.size and true_face.own_mouth.size):
            return face, None
        face.partner = true_face
        return face, true_face

    @cached_property
    def face_transforms(self) -> dict[int, np.ndarray]:
        """Transforms of the face crop, float64 (T, 2, 3) each, by the identity of the video."""
        spec = CropSpec(size=FACE_SIZE)
        return {id(video): crop_transforms(video.track, spec) for video in (self.dubbed, self.true)}

    @cached_property
    def zoom(self) -> float:
        """Height of the recording over that of the dubbed video."""
        return self.true.track.frame_size[1] / self.dubbed.track.frame_size[1]


class FaceFrame:
    """One frame with the face in it. Its crops are cut when a metric first asks for one, and shared by all.

    Args:
        pair: the videos.
        frame: the decoded frame.
        video: the one of the two that it is of.
    """

    partner: FaceFrame | None = None
    """Of a dubbed frame the recording's at that time; None for frames of the recording."""

    def __init__(self, pair: VideoPair, frame: Frame, video: Video) -> None:
        self._pair, self._video = pair, video
        self.image = frame.image
        """uint8 RGB (H, W, 3)."""
        self.index = frame.index
        """Position in its video."""

    @property
    def landmarks(self) -> np.ndarray:
        """float32 (478, 3), pixels; NaN where the face is not seen."""
        landmarks: np.ndarray = self._video.track.landmarks[self.index]
        return landmarks

    @property
    def is_usable(self) -> bool:
        """The face is seen, and turned to the camera."""
        return bool(self._video.track.usable[self.index])

    @property
    def shot(self) -> int:
        """Number of the shot, which grows at each cut."""
        return int(self._video.track.shots[self.index])

    @cached_property
    def mouth_box(self) -> tuple[int, int, int, int]:
        """The mouth region (`mouth_box`)."""
        return mouth_box(self.landmarks, self._video.track.frame_size)

    @cached_property
    def own_mouth(self) -> np.ndarray:
        """uint8 (h, w, 3): the mouth region around this frame's own lips, pixels as they are."""
        return _cut(self.image, self.mouth_box)

    @cached_property
    def mouth(self) -> np.ndarray:
        """uint8 (h, w, 3): the same at the scale of the recording."""
        zoom = self._pair.zoom
        if zoom == 1 or self._video is self._pair.true:
            return self.own_mouth
        flags = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        return cv2.resize(self.own_mouth, None, fx=zoom, fy=zoom, interpolation=flags)

    @cached_property
    def placed_mouth(self) -> np.ndarray:
        """uint8 (h, w, 3): what lies on the recording's mouth region, to be compared with it pixel by pixel.

        Of a dubbed frame the same rectangle, or, where the heads do not coincide, the face moved onto the true one.
        """
        if self.partner is None:
            return self.own_mouth
        if not self._pair.aligned:
            return _cut(self.image, self.partner.mouth_box)
        return _aligned_cut(self.image, self.landmarks, self.partner.landmarks, self.partner.mouth_box)

    @cached_property
    def face(self) -> np.ndarray:
        """uint8 (256, 256, 3): the aligned crop of the face that networks see."""
        own = self if self._pair.aligned or self.partner is None else self.partner
        return warp_crop(self.image, self._pair.face_transforms[id(own._video)][own.index], FACE_SIZE)


def heads_coincide(dubbed: Track, true: Track, partners: np.ndarray) -> bool:
    """Tell whether the head does the same in both videos, so that pixels can be compared as they are.

    Args:
        dubbed: the dubbed face.
        true: the recorded face.
        partners: int (T,), index of the true frame of every dubbed one; -1 for none.
    """
    if dubbed.frame_size != true.frame_size:
        return False
    both = (partners >= 0) & dubbed.usable & true.usable[partners]
    if not both.any():
        return False
    first, second = dubbed.landmarks[both], true.landmarks[partners[both]]
    distance = np.linalg.norm(first[:, _RIGID, :2] - second[:, _RIGID, :2], axis=-1).mean(axis=1)
    return bool(np.median(distance / eye_distance(second)) < COINCIDENCE)


def pair_times(times: Sequence[Fraction], other: Sequence[Fraction]) -> np.ndarray:
    """Find for every frame the frame of another video that is shown nearest in time.

    Args:
        times: T presentation times in seconds, in order.
        other: the same of the other video.

    Returns:
        int64 (T,): indices into `other`; -1 where the nearest is further away than the distance of its frames,
        which is past the end of a shorter video.

    >>> pair_times([Fraction(k, 25) for k in range(4)], [Fraction(k, 50) for k in range(5)]).tolist()
    [0, 2, 4, -1]
    """
    first, second = np.array([float(t) for t in times]), np.array([float(t) for t in other])
    if len(second) == 0 or len(first) == 0:
        return np.full(len(first), -1)
    after = np.clip(np.searchsorted(second, first), 1, max(len(second) - 1, 1))
    after = np.minimum(after, len(second) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(first - second[before] <= second[after] - first, before, after)
    period = float(np.median(np.diff(second))) if len(second) > 1 else np.inf
    return np.where(np.abs(second[nearest] - first) < 0.999 * period, nearest, -1)


def frame_rate(times: Sequence[Fraction]) -> float:
    """Frames a second, from the median distance of presentation times; 0 for a single image."""
    if len(times) < 2:
        return 0.0
    period = float(np.median(np.diff([float(time) for time in times])))
    return 1 / period if period > 0 else 0.0


def track_curve(track: Track, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Measure the mouth of every frame of a track: float64 (T,), NaN where the face is not usable."""
    values = measure(track.landmarks).astype(np.float64)
    return np.where(track.usable, values, np.nan)


def mouth_box(landmarks: np.ndarray, frame_size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Find the mouth region of a face: centred on the lips, its size that of the head, not of the opening.

    Args:
        landmarks: (478, 2 or 3) in pixels.
        frame_size: width and height of the image.

    Returns:
        x0, y0, x1, y1 in whole pixels, half open, inside the image (empty if the mouth is outside of it).
    """
    outline = landmarks[list(LIPS_OUTER), :2]
    center = (outline.min(axis=0) + outline.max(axis=0)) / 2
    half = 0.5 * float(eye_distance(landmarks)) * np.array([MOUTH_WIDTH, MOUTH_HEIGHT])
    low = np.clip(np.round(center - half), 0, frame_size).astype(int)
    high = np.clip(np.round(center + half), 0, frame_size).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _cut(image: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    x0, y0, x1, y1 = box
    return image[y0:y1, x0:x1]


def _aligned_cut(
    image: np.ndarray, landmarks: np.ndarray, true_landmarks: np.ndarray, box: tuple[int, int, int, int]
) -> np.ndarray:
    """Move the dubbed face onto the true one by its rigid points, and cut the true mouth's box out of it."""
    matrix = fit_similarity(landmarks[_RIGID, :2], true_landmarks[_RIGID, :2])
    matrix[:, 2] -= box[:2]
    size = box[2] - box[0], box[3] - box[1]
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def fit_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Find the similarity transforms (scale, rotation, shift) that bring points onto points, in least squares.

    The closed form of Umeyama (1991) in the plane: with centred points as complex numbers, scale and rotation
    are the one factor sum(target * conj(source)) / sum(|source|^2).

    Args:
        source: (..., K, 2).
        target: (..., K, 2).

    Returns:
        float64 (..., 2, 3): target = M[:, :2] @ source + M[:, 2].

    >>> square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    >>> fit_similarity(square, 2 * square + [3, 4]).round(6).tolist()
    [[2.0, -0.0, 3.0], [0.0, 2.0, 4.0]]
    """
    first = source[..., 0].astype(np.float64) + 1j * source[..., 1]
    second = target[..., 0].astype(np.float64) + 1j * target[..., 1]
    first_mean, second_mean = first.mean(axis=-1, keepdims=True), second.mean(axis=-1, keepdims=True)
    centred = first - first_mean
    with np.errstate(invalid="ignore"):  # NaN in, NaN out
        factor = ((second - second_mean) * centred.conj()).sum(-1) / (np.abs(centred) ** 2).sum(-1)
    shift = second_mean[..., 0] - factor * first_mean[..., 0]
    rows = [
        np.stack([factor.real, -factor.imag, shift.real], axis=-1),
        np.stack([factor.imag, factor.real, shift.imag], axis=-1),
    ]
    return np.stack(rows, axis=-2)


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply (..., 2, 3) transforms to (..., K, 2) points."""
    moved: np.ndarray = points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]
    return moved


def luma(image: np.ndarray) -> np.ndarray:
    """Return the brightness of an RGB image: float32 (H, W), 0-255, 0.299 R + 0.587 G + 0.114 B (BT.601)."""
    return image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
