"""Images that Pillow reads better than a video library: photos, upright by their EXIF tag, and animated WebP."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from visavox.errors import InputError

logger = logging.getLogger(__name__)

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*")
_DAMAGE = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError)
_USUAL_DURATION = 100  # milliseconds of an image that has no duration, as browsers show it
_STREAM_EXTENSIONS = (".mjpeg", ".mjpg")  # JPEG images one after another, which is a video


def is_still_image(file: str, head: bytes) -> bool:
    """Return True if a file that starts with `head` is one image rather than a video."""
    if Path(file).suffix.lower() in _STREAM_EXTENSIONS:
        return False
    if _is_webp(head):
        return not is_animated(head)
    if b"acTL" in head[:1024] and head.startswith(b"\x89PNG"):  # animated PNG
        return False
    return head.startswith(_SIGNATURES)


def _is_webp(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP"


def is_animated(head: bytes) -> bool:
    """Return True if a file that starts with `head` is an animated WebP, which FFmpeg does not decode."""
    return _is_webp(head) and head[12:16] == b"VP8X" and bool(head[20] & 0x02)


def read_animation(file: str, name: str) -> Iterator[tuple[np.ndarray, Fraction]]:
    """Yield the images of an animation, uint8 RGB (H, W, 3), with the seconds from its start.

    Args:
        file: path to read.
        name: path to show in messages.

    Raises:
        InputError: not even its first image can be read.
    """
    milliseconds = 0
    try:
        with Image.open(file) as animation:
            for index in range(getattr(animation, "n_frames", 1)):
                animation.seek(index)
                yield _to_rgb(animation), Fraction(milliseconds, 1000)
                milliseconds += max(1, int(animation.info.get("duration", 0)) or _USUAL_DURATION)
    except _DAMAGE as error:
        if milliseconds == 0:
            raise InputError(f"{name} is a damaged image ({error}); save or download it again") from None
        logger.warning("%s breaks off before its end", name)


def read_still(file: str, name: str) -> tuple[np.ndarray, str, int]:
    """Read an image.

    Args:
        file: path to read.
        name: path to show in messages.

    Returns:
        The upright image, uint8 RGB (H, W, 3); its format in lower case; the EXIF orientation, 1 to 8.

    Raises:
        InputError: the image is damaged or far too large.
    """
    try:
        with Image.open(file) as image:
            tag = image.getexif().get(0x0112, 1)
            form = (image.format or "image").lower()
            upright = ImageOps.exif_transpose(image)
            return _to_rgb(upright), form, tag if isinstance(tag, int) and 1 <= tag <= 8 else 1
    except Image.DecompressionBombError:
        raise InputError(f"{name} has more pixels than can be read safely; make it smaller") from None
    except _DAMAGE as error:
        raise InputError(f"{name} is a damaged image ({error}); save or download it again") from None


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":  # 16 and 32 bits of grey
        samples = np.asarray(image).astype(np.float64)
        scale = 65535.0 if samples.max() > 255 else 255.0
        grey = np.round(np.clip(samples / scale, 0, 1) * 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        ground = Image.new("RGBA", rgba.size, "white")
        return np.array(Image.alpha_composite(ground, rgba).convert("RGB"))
    return np.array(image.convert("RGB"))
