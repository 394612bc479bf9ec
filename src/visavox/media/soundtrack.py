"""The sound of the result: what is heard when, mixed sample by sample as the picture grows."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from visavox.errors import InputError
from visavox.media.sound import SampleReader
from visavox.types import PathLike

_FADE = 0.03  # seconds in which the original sound comes up after the speech; shorter clicks


@dataclass(frozen=True)
class AudioPlan:
    """The audio of the result. Time 0 is its first frame."""

    speech: PathLike
    """File with the driving speech (or with whatever sound the result shall have)."""
    offset: Fraction = Fraction(0)
    """Seconds by which the speech is put later; negative: earlier, its beginning is cut off."""
    length: Fraction | None = None
    """Seconds after which all sound stops; None: with the picture."""
    original: PathLike | None = None
    """File whose soundtrack is mixed under the speech or heard after it: the source video."""
    mix_level: float | None = None
    """Level of the original under the speech in dB (0: as loud as it was); None: silent."""
    tail_original: bool = False
    """True if the original keeps its own level once the speech has ended."""

    def __post_init__(self) -> None:
        if self.original is None and (self.mix_level is not None or self.tail_original):
            raise InputError("there is no original soundtrack to mix in or to go on with; leave out --mix and --tail")
        if self.length is not None and self.length <= 0:
            raise InputError(f"the length of the sound is {float(self.length)} s; it must be more than 0")

    @property
    def uses_original(self) -> bool:
        """True if anything of the original audio is kept."""
        return self.mix_level is not None or self.tail_original

    @property
    def is_untouched(self) -> bool:
        """True if the speech stays as it is in its file, so that its packets can be copied."""
        return self.offset == 0 and not self.uses_original


class Mixer:
    """Renders an `AudioPlan` from its beginning, as many samples at a time as are asked for.

    Args:
        plan: what is heard.
        rate: samples a second of the result.
        channels: channels of the result.
    """

    def __init__(self, plan: AudioPlan, rate: int, channels: int) -> None:
        self._channels = channels
        self._position = 0
        self._speech = SampleReader(plan.speech, rate, channels)
        self._delay = round(plan.offset * rate)  # samples of silence before the speech, or to skip of it
        self._speech_end: int | None = None
        self._original: SampleReader | None = None
        if plan.original is not None and plan.uses_original:
            self._original = SampleReader(plan.original, rate, channels)
        self._under = 0.0 if plan.mix_level is None else 10.0 ** (plan.mix_level / 20.0)
        self._after = 1.0 if plan.tail_original else self._under
        self._fade = max(1, round(_FADE * rate))
        self._length = None if plan.length is None else round(plan.length * rate)

    def read(self, num_samples: int) -> np.ndarray:
        """The next samples, float32 (num_samples, channels) in [-1, 1]; silence after the end."""
        mixed = self._read_speech(num_samples)
        if self._original is not None:
            original = self._original.read(num_samples)
            mixed[: len(original)] += original * self._gain(len(original))[:, None]
        if self._length is not None:
            mixed[max(0, self._length - self._position) :] = 0
        self._position += num_samples
        return np.clip(mixed, -1.0, 1.0)

    def _read_speech(self, num_samples: int) -> np.ndarray:
        mixed = np.zeros((num_samples, self._channels), np.float32)
        while self._delay < 0:
            skipped = len(self._speech.read(min(-self._delay, 1 << 16)))
            self._delay = self._delay + skipped if skipped else 0
        silent = min(num_samples, max(0, self._delay - self._position))
        if silent < num_samples and self._speech_end is None:
            spoken = self._speech.read(num_samples - silent)
            mixed[silent : silent + len(spoken)] = spoken
            if len(spoken) < num_samples - silent:
                self._speech_end = self._position + silent + len(spoken)
        return mixed

    def _gain(self, num_samples: int) -> np.ndarray:
        """Gain of the original for the samples from the present position on, float32 (num_samples,)."""
        if self._speech_end is None:
            return np.full(num_samples, self._under, np.float32)
        since_end = np.arange(num_samples) + self._position - self._speech_end
        weight = np.clip(since_end / self._fade, 0.0, 1.0)
        return (self._under + (self._after - self._under) * weight).astype(np.float32)

    def close(self) -> None:
        """Free the files."""
        self._speech.close()
        if self._original is not None:
            self._original.close()
