"""Blinks that can be seen in a drawn head."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d

from visavox.motion.blink import apply_blinks, blink_style_of, draw_blinks
from visavox.types import Motion

DEEPER = 1.12
"""How much deeper than the tracker sees them lids shut: of eyes that are shut it keeps a little of the gap."""
SHUT = 2
"""Frames for which they stay at the deepest. A head is drawn by the landmarks of several frames (the attention window),
and eyes that are shut in one of them alone would be drawn half open."""


def with_drawn_blinks(motion: Motion, blink: str | float, person: Motion, seed: int) -> Motion:
    """Give a motion blinks that a radiance field draws as such.

    Args:
        motion: T frames.
        blink: natural, none, or blinks a minute.
        person: whose eyes they are.
        seed: same seed, same blinks.
    """
    closure = draw_blinks(motion.num_frames, float(motion.rate), style=blink_style_of(blink, person), seed=seed)
    return apply_blinks(motion, drawn_closure(closure), person=person)


def drawn_closure(closure: np.ndarray) -> np.ndarray:
    """Closure (T,) of eyes as a tracker sees it to that of eyes that are drawn: float32 (T,) in [0, 1]."""
    return np.clip(DEEPER * maximum_filter1d(closure, SHUT), 0, 1).astype(np.float32)
