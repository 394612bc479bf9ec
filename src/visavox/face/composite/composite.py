"""Paste a rendered crop back into the frame that it was made for.

The mask, the colour match and the mixing happen in crop space, where a face has the same few pixels whatever
its size in the video; then one warp carries the result to the frame. Pixels outside of the mask are the
source's, bit for bit. The colour match is the slow difference between the rendered skin and the skin around it, steady
over time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from visavox.face.composite.mouth_mask import MaskSettings, MouthMask, mask_points, mouth_mask
from visavox.face.geometry import warp_crop
from visavox.face.geometry.crop import invert

_GRID = 16
"""Cells along the side of a crop: the difference is a smooth field, not an image."""
_OUTLIER = 12.0
"""Differences this far (grey levels) from the usual one count half: there the two images show different things."""
_PRIOR = 0.02
"""Weight of the face's mean difference where a cell sees no skin, against that of full skin."""


class ColorMatch:
    """Estimates source minus rendered on the skin that both show, and follows it smoothly.

    One object serves one face; `reset` it when the face was away or the shot changed.
    """

    def __init__(self, time_constant: float = 0.25) -> None:
        """Make a matcher that follows changes within `time_constant` seconds (0: at once)."""
        self.time_constant = time_constant
        self.reset()

    def reset(self) -> None:
        """Forget the difference seen so far."""
        self._field: np.ndarray | None = None

    def update(self, difference: np.ndarray, skin: np.ndarray, seconds: float) -> np.ndarray:
        """Take the next frame's difference; return the smooth correction to add to the rendered crop.

        Args:
            difference: float32 (S, S, 3), source crop minus rendered crop, in grey levels (0-255).
            skin: float32 (S, S) in [0, 1], where the two show the same skin.
            seconds: time since the frame before; not used for the first.

        Returns:
            float32 (S, S, 3) in grey levels.
        """
        field = _slow_field(difference, skin)
        if self._field is None or field is None:
            self._field = self._field if field is None else field
        elif self.time_constant > 0:
            share = 1 - math.exp(-max(seconds, 0.0) / self.time_constant)
            self._field = self._field + np.float32(share) * (field - self._field)
        else:
            self._field = field
        if self._field is None:
            return np.zeros_like(difference)
        return cv2.resize(self._field, skin.shape[::-1], interpolation=cv2.INTER_CUBIC)


def _slow_field(difference: np.ndarray, skin: np.ndarray) -> np.ndarray | None:
    """Robust normalised convolution of the difference on a coarse grid: float32 (G, G, 3), or None without skin."""
    if float(skin.sum()) < 1.0:
        return None
    fine = (2 * _GRID, 2 * _GRID)
    weight = cv2.resize(skin, fine, interpolation=cv2.INTER_AREA)
    weighted = cv2.multiply(difference, cv2.merge((skin, skin, skin)))
    mean = cv2.resize(weighted, fine, interpolation=cv2.INTER_AREA) / np.maximum(weight, 1e-6)[..., None]
    usual = np.average(mean, axis=(0, 1), weights=weight)
    for _ in range(2):
        deviation = np.abs(mean - usual).max(axis=-1)
        trusted = weight / (1 + (deviation / _OUTLIER) ** 2)
        usual = np.average(mean, axis=(0, 1), weights=trusted)
    stacked = np.concatenate([(mean - usual) * trusted[..., None], trusted[..., None]], axis=-1)
    cells = cv2.resize(stacked.astype(np.float32), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    cells = cv2.GaussianBlur(cells, (0, 0), _GRID / 8, borderType=cv2.BORDER_CONSTANT)
    return (usual + cells[..., :3] / (cells[..., 3:] + _PRIOR)).astype(np.float32)


_MASK_SIZE = 128
"""Largest side of the mask in pixels; it is soft, so that more would only cost time."""
_ROWS_ABOVE = 4
"""Rows above the rendered half that are carried along."""


@dataclass(frozen=True)
class CompositeSettings:
    """Settings that fit a generated mouth into the frame."""

    mask: MaskSettings = field(default_factory=MaskSettings)
    """Shape of the region that is replaced."""
    match_color: bool = True
    """Shift the rendered skin to the colour of the skin around it."""
    color_time: float = 0.25
    """Seconds within which the colour match follows changes."""
    sharpen: float = 0.0
    """Share of its finest detail that is added to the rendered mouth once more: a network that was trained by L1
    renders softer than it sees."""
    keep_detail: float = 1.0
    """Share of the source's fine detail (skin, grain: what a crop is too coarse to hold) that is kept on cheeks
    and chin, where the new image shows the same skin; 0 pastes the crop alone."""


class Compositor:
    """Pastes the frames of one face in order; its colour match remembers the frames before."""

    def __init__(self, settings: CompositeSettings | None = None) -> None:
        self.settings = settings or CompositeSettings()
        self._color = ColorMatch(self.settings.color_time)
        self._scratch: dict[str, np.ndarray] = {}

    def reset(self) -> None:
        """Begin again: the shot changed, or the face was away."""
        self._color.reset()

    def paste(
        self,
        frame: np.ndarray,
        rendered: np.ndarray,
        matrix: np.ndarray,
        points: np.ndarray,
        *,
        seconds: float = 0.0,
        source_crop: np.ndarray | None = None,
        strength: float = 1.0,
    ) -> np.ndarray:
        """Write the rendered mouth into `frame`, and return it.

        Args:
            frame: uint8 RGB (H, W, 3), changed in place, and only inside the mask.
            rendered: the network's crop, uint8 or float32 in [0, 1], RGB (S, S, 3).
            matrix: float (2, 3), frame pixels to crop pixels.
            points: float (K, 2), `mask_points` of the frame's landmarks, in frame pixels.
            seconds: time since the last frame that this object pasted.
            source_crop: uint8 RGB (S, S, 3), the frame's own crop where it is at hand already.
            strength: share, 0-1, of the new mouth in its mixture with the old one.
        """
        size = rendered.shape[0]
        if source_crop is None:
            source_crop = warp_crop(frame, matrix, size)
        # Only the lower half was generated. A few rows above it feed the interpolation at its border.
        top = size // 2 - _ROWS_ABOVE
        source = np.array(source_crop[top:], np.float32, order="C")
        change = np.array(rendered[top:], np.float32, order="C")
        change *= 1 if rendered.dtype == np.uint8 else 255
        if self.settings.sharpen > 0:
            change += np.float32(self.settings.sharpen) * (change - cv2.GaussianBlur(change, (0, 0), size / 128))
        change -= source
        to_crop = matrix - np.array([[0, 0, 0], [0, 0, top]])
        mask, to_mask = self._mask(points, matrix, size)
        if self.settings.match_color:
            change += self._correction(change, mask, seconds)
        if strength < 1:
            mask = replace(mask, blend=mask.blend * np.float32(strength))
        self._mix(frame, source, change, to_crop, mask, to_mask)
        return frame

    def _mask(self, points: np.ndarray, matrix: np.ndarray, size: int) -> tuple[MouthMask, np.ndarray]:
        """Draw the mask, which needs no more than `_MASK_SIZE` pixels; return it and its matrix, frame to mask."""
        mask_size = min(size, _MASK_SIZE)
        to_mask = matrix * (mask_size / size)
        to_mask[:, 2] += 0.5 * mask_size / size - 0.5  # pixel centres stay where they are
        return mouth_mask(points @ to_mask[:, :2].T + to_mask[:, 2], mask_size, self.settings.mask), to_mask

    def _correction(self, change: np.ndarray, mask: MouthMask, seconds: float) -> np.ndarray:
        """Compute the colour to add to the generated crop so its skin matches the source's, as large as `change`."""
        top = len(mask.skin) // 2
        rows = len(mask.skin) - top
        scale = rows / (len(change) - _ROWS_ABOVE)
        lower = change[_ROWS_ABOVE:]
        if scale != 1:
            lower = cv2.resize(lower, (mask.skin.shape[1], rows), interpolation=cv2.INTER_AREA)
        field = self._color.update(-lower, mask.skin[top:], seconds)
        height, width = change.shape[:2]
        correction = np.zeros(change.shape, np.float32)
        cv2.resize(field, (width, height - _ROWS_ABOVE), dst=correction[_ROWS_ABOVE:], interpolation=cv2.INTER_LINEAR)
        return correction

    def _mix(
        self,
        frame: np.ndarray,
        source: np.ndarray,
        change: np.ndarray,
        to_crop: np.ndarray,
        mask: MouthMask,
        to_mask: np.ndarray,
    ) -> None:
        """Add `change` to the frame where the mask is; source + change is the new crop."""
        x0, y0, x1, y1 = _region(mask.blend, to_mask, frame.shape[1], frame.shape[0])
        if x0 >= x1 or y0 >= y1:
            return
        # Row 0 and column 0 of the region are pixel (x0, y0) of the frame.
        crop_to_region, mask_to_region = invert(to_crop), invert(to_mask)
        crop_to_region[:, 2] -= (x0, y0)
        mask_to_region[:, 2] -= (x0, y0)
        shape = (y1 - y0, x1 - x0, 3)
        before, after = self._buffer("before", shape), self._buffer("after", shape)
        detail, share = self._buffer("detail", shape), self._buffer("share", shape)
        before[...] = frame[y0:y1, x0:x1]
        _carry(change, crop_to_region, after, cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)
        # What a crop is too coarse to hold. `after` lacks it from here on, except for the share that is kept.
        _carry(source, crop_to_region, detail, cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)
        np.subtract(before, detail, out=detail)
        after -= detail
        if self.settings.keep_detail > 0:
            kept = cv2.merge((mask.detail,) * 3) * np.float32(self.settings.keep_detail)
            _carry(kept, mask_to_region, share, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
            share *= _soft_limit(detail, self._buffer("root", shape))
            after += share
        _carry(cv2.merge((mask.blend,) * 3), mask_to_region, share, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
        # Where alpha is 0 this is the source's own number, and rounding gives it back.
        after *= share
        before += after
        np.clip(before, 0, 255, out=before)
        frame[y0:y1, x0:x1] = cv2.convertScaleAbs(before, dst=self._buffer("bytes", shape, np.uint8))

    def _buffer(self, name: str, shape: tuple[int, int, int], dtype: type = np.float32) -> np.ndarray:
        """Give memory that was used for the last frame: fresh pages cost more than all the arithmetic here."""
        count = shape[0] * shape[1] * shape[2]
        held = self._scratch.get(name)
        if held is None or held.size < count:
            held = self._scratch[name] = np.empty(count * 5 // 4, dtype)
        return held[:count].reshape(shape)


def paste(
    frame: np.ndarray,
    rendered: np.ndarray,
    matrix: np.ndarray,
    landmarks: np.ndarray,
    settings: CompositeSettings | None = None,
) -> np.ndarray:
    """Paste one rendered crop into one frame; for a video use a `Compositor`, whose colours do not flicker.

    Args:
        frame: uint8 RGB (H, W, 3).
        rendered: uint8 or float32 in [0, 1], RGB (S, S, 3), its lower half generated.
        matrix: float (2, 3), frame pixels to crop pixels.
        landmarks: (478, 2 or 3) of the face in the frame, in pixels.
        settings: how it is fitted in.

    Returns:
        uint8 RGB (H, W, 3), equal to `frame` outside of the mask.
    """
    return Compositor(settings).paste(frame.copy(), rendered, matrix, mask_points(landmarks))


def _region(blend: np.ndarray, matrix: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """The smallest box of frame pixels that holds the mask, half open, inside the frame."""
    rows, columns = np.flatnonzero(blend.any(axis=1)), np.flatnonzero(blend.any(axis=0))
    if len(rows) == 0:
        return 0, 0, 0, 0
    top, bottom, left, right = rows[0] - 1, rows[-1] + 1, columns[0] - 1, columns[-1] + 1
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float64)
    inverse = invert(matrix)
    placed = corners @ inverse[:, :2].T + inverse[:, 2]
    x0, y0 = np.floor(placed.min(axis=0)).astype(int)
    x1, y1 = np.ceil(placed.max(axis=0)).astype(int) + 1
    return max(int(x0), 0), max(int(y0), 0), min(int(x1), width), min(int(y1), height)


def _carry(crop: np.ndarray, matrix: np.ndarray, region: np.ndarray, flags: int, border: int) -> None:
    """Warp a crop-space map into the region; of a face smaller than the crop the map is low-passed first."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.8 and flags == cv2.INTER_CUBIC:
        # A warp reads few pixels however many it steps over: blur to the new pixel's width (in crop pixels).
        crop = cv2.GaussianBlur(crop, (0, 0), 0.5 * float(np.sqrt(1 / scale**2 - 1)))
    extent = (region.shape[1], region.shape[0])
    cv2.warpAffine(crop, matrix, extent, dst=region, flags=flags, borderMode=border)


def _soft_limit(detail: np.ndarray, root: np.ndarray, limit: float = 24.0) -> np.ndarray:
    """Squash detail beyond about `limit` grey levels: grain passes, edges of the old mouth do not."""
    np.multiply(detail, np.float32(1 / limit), out=root)
    root *= root
    root += 1
    np.sqrt(root, out=root)
    result: np.ndarray = np.divide(detail, root, out=root)
    return result
