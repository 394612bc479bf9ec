"""Still pictures, by Pillow: upright by their EXIF tag, transparency on white, any depth and palette."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from visavox.errors import InputError

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*")
_STREAM_EXTENSIONS = (".mjpeg", ".mjpg")  # JPEG pictures one after another, which is a video


def looks_like_still(file: str, head: bytes) -> bool:
    """Whether a file that starts with `head` is one picture rather than a video."""
    if Path(file).suffix.lower() in _STREAM_EXTENSIONS:
        return False
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return b"ANIM" not in head[:64]
    if b"acTL" in head[:1024] and head.startswith(b"\x89PNG"):  # animated PNG
        return False
    return head.startswith(_SIGNATURES)


def read_still(file: str, name: str) -> tuple[np.ndarray, str, int]:
    """Read a picture.

    Args:
        file: path to read.
        name: path to show in messages.

    Returns:
        The upright picture, uint8 RGB (H, W, 3); its format in lower case; the EXIF orientation, 1 to 8.

    Raises:
        InputError: the picture is damaged or far too large.
    """
    try:
        with Image.open(file) as picture:
            tag = picture.getexif().get(0x0112, 1)
            form = (picture.format or "picture").lower()
            upright = ImageOps.exif_transpose(picture)
            return _to_rgb(upright), form, tag if isinstance(tag, int) and 1 <= tag <= 8 else 1
    except Image.DecompressionBombError:
        raise InputError(f"{name} has more pixels than can be read safely; make it smaller") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{name} is a damaged picture ({error}); save or download it again") from None


def _to_rgb(picture: Image.Image) -> np.ndarray:
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 and 32 bits of grey
        samples = np.asarray(picture).astype(np.float64)
        scale = 65535.0 if samples.max() > 255 else 255.0
        grey = np.round(np.clip(samples / scale, 0, 1) * 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        ground = Image.new("RGBA", rgba.size, "white")
        return np.array(Image.alpha_composite(ground, rgba).convert("RGB"))
    return np.array(picture.convert("RGB"))
