"""Sets of speech features by name: rows of numbers, 50 a second, two for each video frame of 25 a second.

    mel-pitch           83 columns, needs nothing: a mel, loudness, voicing and the pitch against the speaker's own
    mel                 80 columns, needs nothing: the mel alone
    whisper-base-3      128 columns, shipped: the third layer of Whisper base, reduced to what differs most in speech
    whisper:NAME        a middle layer of any Whisper by transformers: a repository of the Hugging Face hub, or a folder
    hubert:NAME         HuBERT by transformers: a repository, or a folder with the same files

A network's file names the features that it wants, so names are all that travels.
"""

from __future__ import annotations

import difflib
from functools import lru_cache

from visavox.audio.features.speech_features import SpeechFeatures
from visavox.errors import InputError

DEFAULT_FEATURES = "mel-pitch"
"""Set of motion models that name none."""
HUBERT_PREFIX = "hubert:"
WHISPER_PREFIX = "whisper:"
SIGNAL_FEATURES = ("mel-pitch", "mel")
"""Sets that need no network."""
ENCODERS = {"whisper-base-3": "speech-encoder"}
"""Sets of shipped networks -> name of the weights."""


def check_feature_name(name: str) -> None:
    """Refuse a name that cannot mean features, before anything is loaded.

    Raises:
        InputError: there is no such set.
    """
    known = (*SIGNAL_FEATURES, *ENCODERS)
    if name in known or any(
        name.startswith(prefix) and len(name) > len(prefix) for prefix in (HUBERT_PREFIX, WHISPER_PREFIX)
    ):
        return
    nearest = difflib.get_close_matches(name, known, n=1)
    guess = f" Did you mean '{nearest[0]}'?" if nearest else ""
    raise InputError(
        f"there are no speech features '{name}'; choose {', '.join(known)}, or {HUBERT_PREFIX}NAME or "
        f"{WHISPER_PREFIX}NAME with the name of a network on the Hugging Face hub or a folder that holds one.{guess}"
    )


def load_features(name: str = DEFAULT_FEATURES, *, device: str = "cpu") -> SpeechFeatures:
    """Load a set of speech features by its name.

    Args:
        name: one of `SIGNAL_FEATURES` or `ENCODERS`, or `hubert:` or `whisper:` and a repository
            (`facebook/hubert-large-ls960-ft`, `openai/whisper-base`) or a folder.
        device: where a network runs; a mel needs none.

    Raises:
        InputError: there is no such set, or its network cannot be loaded; the message says what to do.
    """
    check_feature_name(name)
    if name.startswith(HUBERT_PREFIX):
        from visavox.speech.hubert import HubertFeatures

        return HubertFeatures(name.removeprefix(HUBERT_PREFIX), device=device)
    if name.startswith(WHISPER_PREFIX):
        from visavox.speech.whisper import WhisperFeatures, whisper_from_transformers

        return WhisperFeatures(name, whisper_from_transformers(name.removeprefix(WHISPER_PREFIX)), device=device)
    if name in ENCODERS:
        return _shipped_encoder(name, device)
    from visavox.audio.features.mel_pitch import MelFeatures, MelPitchFeatures

    return MelFeatures() if name == "mel" else MelPitchFeatures()


@lru_cache(maxsize=2)  # a dub asks for the rows of silence and of speech, a training for those of every store
def _shipped_encoder(name: str, device: str) -> SpeechFeatures:
    from visavox.models.speech import ReducedWhisper
    from visavox.speech.whisper import WhisperFeatures
    from visavox.weights import load_model

    return WhisperFeatures(name, load_model(ENCODERS[name], ReducedWhisper), device=device)
