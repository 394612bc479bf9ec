"""Face tiles: the same face in several videos at telling moments, side by side, with names written on images."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from PIL import Image

from visavox.face.geometry import warp_crop
from visavox.media import VideoReader
from visavox.metrics import pair_times
from visavox.types import PathLike, Track

if TYPE_CHECKING:
    from PIL import ImageFont


Time = TypeVar("Time", float, Fraction)

TILE = 160
"""Side of the square that one face is shown in, pixels."""

_LABEL_HEIGHT = 18
_GAP = 4
_FACE_MARGIN = 1.25
"""Side of the square over the longer side of the face's box."""
_PERCENTILES = (5, 50, 95)
"""Of the lip opening: closed, half open, open. Not the very extremes, which are often frames seen badly."""


def telling_times(times: Sequence[Time], opening: np.ndarray) -> list[Time]:
    """Choose three moments of a video: mouth closed, half open and open.

    Args:
        times: T presentation times.
        opening: (T,), NaN where no face was found.

    Returns:
        the times, in this order; none where the face is nowhere seen.
    """
    seen = np.flatnonzero(np.isfinite(opening))
    if not len(seen):
        return []
    levels = np.percentile(opening[seen], _PERCENTILES)
    return [times[seen[np.abs(opening[seen] - level).argmin()]] for level in levels]


def face_tiles(
    video: PathLike, track: Track, times: Sequence[float] | Sequence[Fraction], size: int = TILE
) -> list[np.ndarray]:
    """Cut the face out of a video at some moments.

    Args:
        video: the file.
        track: of the face, in this video or in one in which the head does the same.
        times: presentation times, in any order.
        size: side of the tiles.

    Returns:
        uint8 RGB (size, size, 3) for each time; grey where no frame with the face is near.
    """
    indices = pair_times([Fraction(time) for time in times], track.times)
    wanted = {int(index) for index in indices if index >= 0}
    found: dict[int, np.ndarray] = {}
    with VideoReader(video) as reader:
        for frame in reader:
            if frame.index in wanted and track.usable[frame.index]:
                found[frame.index] = _cut_face(frame.image, track.boxes[frame.index], size)
            if wanted and frame.index >= max(wanted):
                break
    blank = np.full((size, size, 3), 128, np.uint8)
    return [found.get(int(index), blank) for index in indices]


def label_rows(rows: Sequence[tuple[str, Sequence[np.ndarray]]]) -> np.ndarray:
    """Lay tiles out in rows, each with its name over it.

    Args:
        rows: name and tiles, uint8 RGB of one size.

    Returns:
        uint8 RGB (H, W, 3) on white.
    """
    side = rows[0][1][0].shape[0]
    columns = max(len(tiles) for _, tiles in rows)
    row_height = _LABEL_HEIGHT + side + _GAP
    canvas = np.full((row_height * len(rows), columns * (side + _GAP) - _GAP, 3), 255, np.uint8)
    for number, (name, tiles) in enumerate(rows):
        top = number * row_height
        label = draw_label(name, canvas.shape[1], _LABEL_HEIGHT)
        canvas[top : top + _LABEL_HEIGHT, : label.shape[1]] = label
        for column, tile in enumerate(tiles):
            left = column * (side + _GAP)
            canvas[top + _LABEL_HEIGHT : top + _LABEL_HEIGHT + side, left : left + side] = tile
    return canvas


def beside(sheets: Sequence[np.ndarray], gap: int = 4 * _GAP) -> np.ndarray:
    """Put sheets side by side on white: uint8 RGB (H, W, 3) each, of one height."""
    space = np.full((sheets[0].shape[0], gap, 3), 255, np.uint8)
    parts = [part for one in sheets for part in (space, one)]
    return np.concatenate(parts[1:], axis=1)


def jpeg_bytes(image: np.ndarray, quality: int = 88) -> bytes:
    """Encode an image, uint8 RGB (H, W, 3)."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=quality)
    return file.getvalue()


def _cut_face(image: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """Cut a square around the face; what lies outside the image is its border repeated."""
    center = (box[:2] + box[2:]) / 2
    scale = size / (_FACE_MARGIN * float((box[2:] - box[:2]).max()))
    matrix = np.array([[scale, 0, size / 2 - scale * center[0]], [0, scale, size / 2 - scale * center[1]]])
    return warp_crop(image, matrix, size)


_PADDING = 0.35
"""Space around the text, in heights of the font."""


def draw_label(text: str, width: int, height: int) -> np.ndarray:
    """Draw a name, white on black, shortened at its end where it does not fit.

    Args:
        text: the name, in any script that DejaVu Sans has.
        width: pixels that it may take at most.
        height: of the strip in pixels.

    Returns:
        uint8 RGB (height, W, 3), W at most `width`.
    """
    from PIL import Image, ImageDraw

    size = max(6, round(height / (1 + 2 * _PADDING)))
    font = _font(size)
    padding = round(_PADDING * size)
    shown = text
    while len(shown) > 1 and font.getlength(shown) > width - 2 * padding:
        shown = shown.removesuffix("…")[:-1] + "…"
    strip = Image.new("RGB", (min(width, int(font.getlength(shown)) + 2 * padding), height))
    ImageDraw.Draw(strip).text((padding, height // 2), shown, font=font, fill="white", anchor="lm")
    return np.asarray(strip)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """DejaVu Sans, which comes with matplotlib and knows most alphabets; without it Pillow's own, which is Latin."""
    from PIL import ImageFont

    try:
        import matplotlib

        return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)
    except (ImportError, OSError):
        return ImageFont.load_default(size)
