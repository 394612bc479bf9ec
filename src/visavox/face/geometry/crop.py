"""The crop: the square image of a face that a network sees, and the transform that cuts it out.

An *aligned* crop removes the roll of the head and follows points that speech does not move, so the
mouth moves in it and the head does not. A *box* crop is the upright rectangle around the face that the
published Wav2Lip networks were trained on, squeezed to a square.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from visavox.constants import FRAME_RATE
from visavox.types import Track

ALIGNMENT_TEMPLATE = {
    33: (-0.500, 0.000),
    133: (-0.192, 0.020),
    362: (0.192, 0.020),
    263: (0.500, 0.000),
    168: (0.000, -0.047),
    6: (0.000, 0.038),
    197: (0.000, 0.122),
    195: (0.000, 0.194),
    5: (0.000, 0.269),
    8: (0.000, -0.131),
    9: (0.000, -0.227),
    151: (0.000, -0.418),
    10: (0.000, -0.591),
    127: (-0.788, 0.068),
    356: (0.788, 0.068),
}
"""Landmarks that speech does not move, and where they lie in the mean frontal face.

Origin between the outer eye corners, unit their distance, y down: the median over one frontal frame of
each of 54 speakers, made symmetric.
"""

_TEMPLATE_INDICES = np.array(list(ALIGNMENT_TEMPLATE))
_TEMPLATE_POINTS = np.array(list(ALIGNMENT_TEMPLATE.values()), dtype=np.float64)


@dataclass(frozen=True)
class CropSpec:
    """The part of the image that a network sees; stored in its weights file."""

    kind: Literal["aligned", "box"] = "aligned"
    """`aligned`: a similarity transform; `box`: an upright rectangle squeezed to a square."""
    size: int = 128
    """Side of the crop in pixels."""
    side: float = 1.8
    """Aligned: side of the crop, in distances between the outer eye corners."""
    center_down: float = 0.58
    """Aligned: how far below the line of the eyes the centre lies, in the same unit. The network generates the
    lower half, so this puts the border between kept and generated just under the nose."""
    bottom_pad: int = 10
    """Box: pixels added below the face (Wav2Lip's `--pads`)."""
    smoothing: float = 0.06
    """Standard deviation of the smoothing over time of position and angle, in seconds."""
    scale_smoothing: float = 0.24
    """The same for the scale, which changes more slowly than its measurement does."""

    def with_margin(self, margin: float, size: int) -> CropSpec:
        """Return the crop with the same centre, `margin` times the side, and `size` pixels."""
        return CropSpec(
            self.kind,
            size,
            self.side * margin,
            self.center_down,
            self.bottom_pad,
            self.smoothing,
            self.scale_smoothing,
        )


def crop_transforms(track: Track, spec: CropSpec) -> np.ndarray:
    """Find the transform of every frame of a track.

    Args:
        track: a face followed through T frames.
        spec: the crop to cut out.

    Returns:
        float64 (T, 2, 3), source pixels to crop pixels; NaN where the track is not usable.
    """
    if spec.kind == "aligned":
        parameters = _alignment_parameters(track.landmarks[:, _TEMPLATE_INDICES, :2].astype(np.float64))
        sigmas = (spec.smoothing, spec.smoothing, spec.scale_smoothing, spec.smoothing)
    else:
        parameters = _box_parameters(track, spec)
        sigmas = (spec.smoothing, spec.smoothing, spec.scale_smoothing, spec.scale_smoothing)
    frames_per_second = _frames_per_second(track)
    parameters = _smooth(parameters, track.usable, track.shots, [sigma * frames_per_second for sigma in sigmas])
    build = _aligned_matrix if spec.kind == "aligned" else _box_matrix
    return np.stack([build(row, spec) for row in parameters])


def warp_crop(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Cut a crop out of an image.

    Args:
        image: uint8 RGB (H, W, 3).
        matrix: (2, 3) source to crop.
        size: side of the crop in pixels.

    Returns:
        uint8 RGB (size, size, 3); what lies outside the image repeats its border.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.5:
        # A bilinear warp reads four pixels however many it covers: shrink large faces by areas first.
        return _warp_large(image, matrix, size, scale)
    flags = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def invert(matrix: np.ndarray) -> np.ndarray:
    """Return the (2, 3) transform crop to source of a (2, 3) transform source to crop."""
    return cv2.invertAffineTransform(matrix)


def _warp_large(image: np.ndarray, matrix: np.ndarray, size: int, scale: float) -> np.ndarray:
    """Warp with a supersampled target, then average: no aliasing, and only the face is touched."""
    factor = int(np.ceil(0.75 / scale))
    shift = (factor - 1) / 2
    enlarged = matrix * factor
    enlarged[:, 2] += shift
    fine = cv2.warpAffine(
        image, enlarged, (size * factor, size * factor), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)


def _alignment_parameters(points: np.ndarray) -> np.ndarray:
    """Fit the template to (T, K, 2) points: (T, 4) rows of origin x, origin y, log scale, angle in radians.

    Least-squares similarity (Umeyama 1991) in closed form by complex numbers: a point is z, the fit is
    z = s * exp(i * angle) * template + origin.
    """
    template = _TEMPLATE_POINTS[:, 0] + 1j * _TEMPLATE_POINTS[:, 1]
    observed = points[..., 0] + 1j * points[..., 1]
    template_mean = template.mean()
    centred = template - template_mean
    observed_mean = observed.mean(axis=1)
    turn = ((observed - observed_mean[:, None]) * centred.conj()).sum(axis=1) / (np.abs(centred) ** 2).sum()
    origin = observed_mean - turn * template_mean
    return np.stack([origin.real, origin.imag, np.log(np.abs(turn)), np.angle(turn)], axis=1)


def _box_parameters(track: Track, spec: CropSpec) -> np.ndarray:
    """Rows of centre x, centre y, log width, log height of the face's upright box."""
    boxes = track.boxes.astype(np.float64)
    boxes[:, 3] += spec.bottom_pad
    width, height = track.frame_size
    boxes = np.clip(boxes, 0, [width, height, width, height])
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, np.log(sides)], axis=1)


def _aligned_matrix(row: np.ndarray, spec: CropSpec) -> np.ndarray:
    x, y, log_scale, angle = row
    pixels = spec.size / (spec.side * np.exp(log_scale))
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = pixels * np.array([[cosine, sine], [-sine, cosine]])
    center = np.array([x, y]) + np.exp(log_scale) * spec.center_down * np.array([-sine, cosine])
    # Pixel centres: the middle of an image of n pixels lies at (n - 1) / 2.
    shift = (spec.size - 1) / 2 - turn @ center
    return np.concatenate([turn, shift[:, None]], axis=1)


def _box_matrix(row: np.ndarray, spec: CropSpec) -> np.ndarray:
    x, y, log_width, log_height = row
    scale = spec.size / np.exp([log_width, log_height])
    shift = (spec.size - 1) / 2 - scale * (np.array([x, y]) - 0.5)
    return np.concatenate([np.diag(scale), shift[:, None]], axis=1)


def _frames_per_second(track: Track) -> float:
    if track.num_frames < 2:
        return float(FRAME_RATE)
    duration = float(track.times[-1] - track.times[0])
    return (track.num_frames - 1) / duration if duration > 0 else float(FRAME_RATE)


def _smooth(values: np.ndarray, usable: np.ndarray, shots: np.ndarray, sigmas: list[float]) -> np.ndarray:
    """Smooth (T, K) values over time inside runs of usable frames of one shot; NaN elsewhere."""
    result = np.full_like(values, np.nan)
    for start, stop in usable_runs(usable, shots):
        segment = values[start:stop].copy()
        # The last column may be an angle; a log height never jumps by pi, so unwrapping leaves it alone.
        segment[:, 3] = np.unwrap(segment[:, 3])
        for column, sigma in enumerate(sigmas):
            result[start:stop, column] = gaussian_filter1d(segment[:, column], max(sigma, 1e-3), mode="nearest")
    return result


def usable_runs(usable: np.ndarray, shots: np.ndarray) -> list[tuple[int, int]]:
    """Half-open ranges of consecutive usable frames (T,) that belong to one shot."""
    edges = np.flatnonzero((np.diff(usable.astype(np.int8)) != 0) | (np.diff(shots) != 0)) + 1
    bounds = [0, *edges.tolist(), len(usable)]
    return [(start, stop) for start, stop in pairwise(bounds) if start < stop and usable[start]]
