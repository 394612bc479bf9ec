"""The torso alone: the head is painted out, the neck goes on upwards behind it.

What lies behind the chin is never seen. A renderer of the torso has to paint something there all the same, or a gap
shows as soon as the head moves. The neck's upper rows are drawn upwards, a little darker with every row as in the
shadow of the chin (GeneFace and AD-NeRF do alike), under the head only.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from visavox.avatar.dataset.fill import fill_unknown

REACH = 0.06
"""How far above the corners of the jaw the neck goes on behind the head, in sides of the picture."""
FADE = 0.04
"""Over how much of that, at its end, it fades."""
SURE = 0.5
"""Share of torso from which on a pixel's own colour is kept. Under the head's soft border it holds something of the
chin's shadow; with a higher share the seam shows (mean error there 4.8 grey levels at 0.95, 1.1 at 0.5)."""
DARKENING = 0.98
"""Factor of the colour for each 1/512 of the picture upwards, as in GeneFace."""
SOURCE_ROWS = 0.012
"""Height of the strip of neck whose colour goes on, in sides of the picture."""
SMOOTHING = 0.012
"""Standard deviation, in sides of the picture, with which that colour is smoothed from column to column."""


def paint_torso(color: np.ndarray, person: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Paint the torso of one frame with the head away.

    Args:
        color: float32 (H, W, 3), 0-255: the person's colour in every pixel.
        person: float32 (H, W) in [0, 1].
        head: float32 (H, W) in [0, 1], at most `person`.

    Returns:
        uint8 (H, W, 4), RGB and alpha. Where nothing is, the colour goes on and alpha is 0.
    """
    torso = person - head
    size = len(torso)
    sure = (torso > SURE).astype(np.uint8)
    top = _top_rows(sure, head)
    columns = np.flatnonzero(top >= 0)
    alpha = torso.copy()
    picture, known = color.copy(), sure.astype(np.float32)
    if len(columns):
        strip = _strip_colors(color, sure, top, columns, max(2, round(SOURCE_ROWS * size)))
        above = top[None, :] - np.arange(size)[:, None]  # (H, W): rows above the first sure one
        ceiling = float(np.percentile(top[columns], 5)) - REACH * size
        rise = np.arange(size)[:, None] - ceiling  # (H, 1): rows below the end of the neck
        behind = (above > 0) & (rise > 0) & (top >= 0)[None, :]
        # The rows that shine through the head's soft border are as bright as the neck, or a dark line would show.
        shade = DARKENING ** (np.maximum(above - _border(size), 0) * (512 / size))
        drawn = np.zeros_like(color)
        drawn[:, columns] = strip[None]
        picture = np.where(behind[..., None], drawn * shade[..., None], picture)
        known = np.maximum(known, behind).astype(np.float32)
        fade = np.clip(rise / max(1.0, FADE * size), 0, 1)
        # The head's soft border reaches a little into the neck below.
        covered = (above > -_border(size)) & (rise > 0) & (top >= 0)[None, :]
        alpha = np.where(covered, np.maximum(alpha, person * fade), alpha)
        picture = _soften(picture, behind, sure, max(0.5, SMOOTHING * size))
    picture = np.where(((alpha > 0.02) | (known > 0))[..., None], picture, fill_unknown(picture, known))
    return np.concatenate(
        [np.round(np.clip(picture, 0, 255)), np.round(np.clip(alpha, 0, 1) * 255)[..., None]], axis=-1
    ).astype(np.uint8)


def _top_rows(sure: np.ndarray, head: np.ndarray) -> np.ndarray:
    """For each column the highest row of sure torso that lies right under the head; -1 where there is none: (W,)."""
    size = len(sure)
    top = np.where(sure.any(axis=0), sure.argmax(axis=0), -1)
    columns = np.arange(sure.shape[1])
    under = np.zeros(len(top), dtype=bool)
    for rise in range(1, _border(size) + 1):
        row = top - rise
        under |= (row >= 0) & (head[np.maximum(row, 0), columns] > 0.5)
    return np.where((top >= 0) & under, top, -1)


def _border(size: int) -> int:
    """Rows that the soft border of the head takes up at most."""
    return max(2, round(0.03 * size))


def _strip_colors(color: np.ndarray, sure: np.ndarray, top: np.ndarray, columns: np.ndarray, rows: int) -> np.ndarray:
    """Mean colour of the first rows of torso in each column, smoothed over neighbouring columns: (n, 3)."""
    size = len(color)
    picked = np.minimum(top[columns][:, None] + np.arange(rows), size - 1)  # (n, rows)
    weight = sure[picked, columns[:, None]].astype(np.float32)[..., None]
    mean = (color[picked, columns[:, None]] * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-6)
    return gaussian_filter1d(mean, max(0.5, SMOOTHING * size), axis=0, mode="nearest")


def _soften(picture: np.ndarray, behind: np.ndarray, sure: np.ndarray, sigma: float) -> np.ndarray:
    """Blur what was drawn, so that columns do not show as stripes; the rest stays as it is.

    Only neck is mixed with neck: nothing of the head comes in.
    """
    neck = (behind | (sure > 0)).astype(np.float32)[..., None]
    mass = cv2.GaussianBlur(neck, (0, 0), sigma)[..., None]
    blurred = cv2.GaussianBlur(picture * neck, (0, 0), sigma) / np.maximum(mass, 1e-3)
    edge = cv2.GaussianBlur(behind.astype(np.float32), (0, 0), sigma)[..., None] * behind[..., None]
    return picture + edge * (blurred - picture)
