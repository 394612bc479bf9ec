"""What a mouth is to do, for networks that do not hear: motion from speech or from a performance, made a face's own."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from visavox.dubbing.expressiveness import own_expressiveness
from visavox.dubbing.settings import DubSettings
from visavox.models.generator.mouth_code import MouthCode
from visavox.progress import Progress
from visavox.types import Motion, Track

_TO_REST = 0.12
"""Seconds in which a mouth comes to rest where the motion ends and the video goes on."""


@dataclass(frozen=True)
class WantedMotion:
    """The numbers that one face is painted by, over time."""

    numbers: np.ndarray
    """float32 (T, K)."""
    rest: np.ndarray
    """float32 (K,): at rest with lips shut."""
    rate: Fraction
    """Frames a second."""

    def at(self, time: Fraction) -> np.ndarray:
        """The numbers, float32 (K,), at a time in seconds: in proportion between frames, at rest behind the last."""
        position = max(0.0, float(time * self.rate))
        first = min(int(position), len(self.numbers) - 1)
        second = min(first + 1, len(self.numbers) - 1)
        share = min(position - first, 1.0)
        numbers = (1 - share) * self.numbers[first] + share * self.numbers[second]
        behind = (position - len(self.numbers)) / float(self.rate)  # its last frame is shown for its whole time
        if behind <= 0:
            return numbers.astype(np.float32)
        gone = min(1.0, behind / _TO_REST)
        return ((1 - gone) * numbers + gone * self.rest).astype(np.float32)


def motion_of_speech(audio: str, settings: DubSettings, progress: Progress) -> Motion:
    """Make the motion of a recording.

    Raises:
        InputError: the recording, or the motion model, cannot be used.
    """
    from visavox.motion.speech_to_motion import SpeechToMotionSettings, speech_to_motion

    given: dict[str, Any] = {"seed": settings.seed, "temperature": settings.temperature}
    chosen = SpeechToMotionSettings(**{name: value for name, value in given.items() if value is not None})
    return speech_to_motion(audio, chosen, progress)


def fit_motion(motion: Motion, code: MouthCode, track: Track, settings: DubSettings) -> WantedMotion:
    """Make a motion, whoever's it is, that of the person in a video.

    What a mouth does is counted from the face at rest, the performer's there and the person's own here: shut is shut,
    and at rest the person looks as they do at rest. How widely they move is scaled as with every other model.

    Args:
        motion: what is said, by anybody.
        code: the network's.
        track: the person's face in the video that is dubbed.
        settings: how widely, if not as the video tells.
    """
    size = settings.expressiveness
    if size is None:
        seen = motion.displacements[motion.confidence > 0]
        size = own_expressiveness(track, code.openings(seen if len(seen) else motion.displacements))
    openness = 1.0 if settings.openness is None else settings.openness
    numbers = code.driven(code.encode(motion.displacements), size, openness)
    return WantedMotion(numbers, code.rest.numpy(), motion.rate)
