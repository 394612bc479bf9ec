"""What motion models hear: rows of speech features, 50 a second, by name.

    mel-pitch      83 columns, needs nothing: a mel, loudness, voicing and the pitch against the speaker's own
    mel            80 columns, needs nothing: the mel alone
    hubert:NAME    HuBERT by transformers: a repository of the Hugging Face hub, or a folder with the same files

A motion model's file names the features that it wants, so names are all that travels.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np

from visavox.audio.features.feature_rows import checked_samples
from visavox.constants import SAMPLE_RATE
from visavox.errors import InputError

DEFAULT_FEATURES = "mel-pitch"
"""What needs no download."""
HUBERT_PREFIX = "hubert:"
_BLOCK_SAMPLES = 30 * SAMPLE_RATE
"""Samples that a whole recording is pushed in."""


class FeatureStream(Protocol):
    """Features of a recording that arrives in pieces of any length."""

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take the next samples, float (n,) in [-1, 1]; return float32 (k, C) for the k rows that are now known."""
        ...

    def flush(self) -> np.ndarray:
        """Return float32 (k, C): the rows that were waiting for samples that will not come; then start anew."""
        ...


class SpeechFeatures(ABC):
    """Turns sound into rows of numbers, `visavox.audio.features.feature_rows` says when which row is."""

    name: str
    """What `load_features` takes."""
    size: int
    """Columns C."""
    level_columns: int = 0
    """The first so many columns rise by 1 where the sound is 12.5 dB louder, in [-4, 4]: for augmentation."""

    @abstractmethod
    def stream(self) -> FeatureStream:
        """Begin a recording that arrives in pieces; its memory does not grow."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Text that changes whenever the numbers do: for names of files that keep them."""

    def of(self, audio: np.ndarray) -> np.ndarray:
        """Features of a whole recording: the very rows that `stream` gives.

        Args:
            audio: float (N,), 16 kHz mono in [-1, 1], N >= 1.

        Returns:
            float32 (K, C), K = 2 ceil(N / 640).

        Raises:
            InputError: the recording is empty, has more than one channel, or holds a number that is not finite.
        """
        samples = checked_samples(audio)
        if len(samples) == 0:
            raise InputError("the sound has no length; give a recording of speech")
        stream = self.stream()
        starts = range(0, len(samples), _BLOCK_SAMPLES)
        rows = [stream.push(samples[start : start + _BLOCK_SAMPLES]) for start in starts]
        return np.concatenate([*rows, stream.flush()])


def check_feature_name(name: str) -> None:
    """See whether a name can mean features, before anything is loaded.

    Raises:
        InputError: it does not.
    """
    if name in _LOCAL or (name.startswith(HUBERT_PREFIX) and len(name) > len(HUBERT_PREFIX)):
        return
    nearest = difflib.get_close_matches(name, _LOCAL, n=1)
    guess = f" Did you mean '{nearest[0]}'?" if nearest else ""
    raise InputError(
        f"there are no speech features '{name}'; choose {', '.join(_LOCAL)}, or {HUBERT_PREFIX}NAME with the name of a "
        f"HuBERT on the Hugging Face hub or a folder that holds one.{guess}"
    )


def load_features(name: str = DEFAULT_FEATURES, *, device: str = "cpu") -> SpeechFeatures:
    """Make speech features by their name.

    Args:
        name: `mel-pitch`, `mel`, or `hubert:` and a repository (`facebook/hubert-large-ls960-ft`) or a folder.
        device: where a network runs; a mel needs none.

    Raises:
        InputError: there is no such name, or its network cannot be loaded; the message says what to do.
    """
    check_feature_name(name)
    if name.startswith(HUBERT_PREFIX):
        from visavox.audio.features.hubert import HubertFeatures

        return HubertFeatures(name.removeprefix(HUBERT_PREFIX), device=device)
    from visavox.audio.features.mel_pitch import MelFeatures, MelPitchFeatures

    return MelFeatures() if name == "mel" else MelPitchFeatures()


_LOCAL = ("mel-pitch", "mel")
"""Names that need no network."""
