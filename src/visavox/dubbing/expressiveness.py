"""Expressiveness: the width of a person's mouth movement. People differ by a factor of three, and a voice hardly tells.

A network that was trained on many people predicts the movement of a typical mouth. How far the person in the image
moves theirs can be seen there, whatever they say in it.
"""

from __future__ import annotations

import numpy as np

from visavox.models.generator import frontal_mouths, lip_opening
from visavox.types import Track

_MOST_FRAMES = 500
"""Frames looked at, spread over the video: as many tell as much as all, and need no memory to speak of."""
_FEWEST_FRAMES = 25
"""A second; from less, nothing is concluded."""
_LISTENING = 0.3
"""Below this share of the typical movement the person does not speak in the video, and nothing is concluded."""
_TRUST = 0.5
"""Exponent of the ratio: halfway between a typical mouth and what was seen, for a minute of video, its pauses and its
tracker's noise are no portrait."""
_SMALLEST, _LARGEST = 0.75, 1.4
"""Bounds of what is concluded."""


def own_expressiveness(track: Track, predicted: np.ndarray) -> float:
    """Tell how far a person should open the mouth.

    Args:
        track: their face in the video that is dubbed.
        predicted: (N,) openings of the lips that the network predicts for the recording, in distances between the
            outer eye corners.

    Returns:
        A factor on the predicted movement, 1 where the video does not tell.
    """
    seen = _openings(track)
    if min(len(seen), len(predicted)) < _FEWEST_FRAMES:
        return 1.0
    ratio = float(seen.std() / max(predicted.std(), 1e-6))
    return float(np.clip(ratio**_TRUST, _SMALLEST, _LARGEST)) if ratio > _LISTENING else 1.0


def _openings(track: Track) -> np.ndarray:
    """Openings of the lips in up to 500 frames, in distances between the outer eye corners."""
    usable = np.flatnonzero(track.usable)
    if len(usable) < _FEWEST_FRAMES:
        return np.empty(0)
    sampled = usable[np.linspace(0, len(usable) - 1, min(len(usable), _MOST_FRAMES)).round().astype(int)]
    return lip_opening(frontal_mouths(track.landmarks[sampled]))
