"""Bringing the lips to rest in silence.

A network that hears 0.8 s hears the words before and after a pause, and moves in it. What it hears of a pause is true
silence (`visavox.audio.silence.gate_silence`), so the pause can be read off the mel window itself, and needs no
look ahead beyond it.
"""

from __future__ import annotations

import numpy as np

from visavox.audio.features.mel import MEL_FRAMES_PER_SECOND, MEL_MIN

_SHORTEST_PAUSE = 0.3
"""Seconds of silence in which lips come to rest; the closure of a plosive is shorter."""
_CLOSING = 0.12
"""Seconds from the end of a sound until the lips are at rest."""
_OPENING = 0.14
"""Seconds before a sound at which they leave it: mouths open before they speak."""


def rest_shares(windows: np.ndarray, center: int) -> np.ndarray:
    """Tell how far the mouth is at rest in the middle of mel windows.

    Args:
        windows: float32 (B, 80, W) in [-4, 4], silences gated to -4.
        center: the mel frame of the window that is heard with the picture.

    Returns:
        float32 (B,) in [0, 1]: 0 while there is sound, 1 in a pause of 0.3 s or more, with ramps at its ends.
    """
    silent = np.all(windows <= MEL_MIN, axis=1)  # B W
    before = _run_length(silent[:, center::-1])
    after = _run_length(silent[:, center + 1 :])
    seconds_before, seconds_after = before / MEL_FRAMES_PER_SECOND, after / MEL_FRAMES_PER_SECOND
    # A run that reaches the end of the window goes on for all that is known.
    whole_before, whole_after = before == center + 1, after == silent.shape[1] - center - 1
    shares = np.minimum(
        np.where(whole_before, 1.0, seconds_before / _CLOSING), np.where(whole_after, 1.0, seconds_after / _OPENING)
    )
    is_pause = seconds_before + seconds_after >= _SHORTEST_PAUSE
    return np.where(is_pause, shares.clip(0, 1), 0.0).astype(np.float32)


def _run_length(flags: np.ndarray) -> np.ndarray:
    """Count the true flags at the beginning of each row of (B, N)."""
    stopped = np.concatenate([~flags, np.ones((len(flags), 1), bool)], axis=1)
    return stopped.argmax(axis=1)
