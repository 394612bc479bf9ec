"""Names written on an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import ImageFont

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
