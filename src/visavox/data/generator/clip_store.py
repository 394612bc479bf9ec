"""A prepared data set in memory: clips with their mel and motion, ready to be drawn from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from visavox.audio.features.mel import mel_spectrogram
from visavox.audio.silence import find_silence, gate_audio, gate_silence
from visavox.constants import FRAME_RATE, SAMPLE_RATE
from visavox.data.generator.audio_augmentation import AudioAugmentation, background, changed_audio
from visavox.data.generator.clip_file import ClipFile, load_clip
from visavox.data.generator.feature_cache import FeatureCache
from visavox.errors import InputError
from visavox.models.generator import AudioSpec, MotionBasis, fit_motion_basis
from visavox.progress import QUIET, Progress
from visavox.speech import RecordingFeatures, features_for, is_wav2lip_mel, silent_row
from visavox.types import PathLike

MANIFEST_NAME = "manifest.jsonl"
_NUM_BACKGROUNDS = 40
"""Recordings without a voice that are drawn for a store."""
_BACKGROUND_SECONDS = 6


@dataclass(frozen=True)
class AudioCopy:
    """Features of a changed copy of a clip's audio."""

    features: RecordingFeatures
    """Its rows."""
    speed: Fraction
    """Second t of the clip is heard at second t / speed of the copy."""


@dataclass
class StoredClip:
    """One clip with what training derives from it once."""

    clip_id: str
    """Name of the clip in its data set."""
    speaker: str
    """Speaker; validation speakers are never trained on."""
    clip: ClipFile
    """Frames (still JPEG), landmarks and audio."""
    mel: np.ndarray
    """float32 (80, M) in [-4, 4], silences gated."""
    motion: np.ndarray
    """float32 (T, K), empty until a basis is applied."""
    features: RecordingFeatures | None = None
    """Audio features that drive a generator, None until they are computed."""
    copies: tuple[AudioCopy, ...] = ()
    """Features of changed copies of the audio, to train with."""

    def window(self, frame: int) -> np.ndarray:
        """Cut the audio features, float32 (C, `window`), that drive video frame number `frame`."""
        assert self.features is not None, "`apply_audio` comes first"
        return self.features.of_frame(frame)

    def drawn_window(self, frame: int, rng: np.random.Generator) -> np.ndarray:
        """Cut the same out of the audio or one of its copies, each as probable as the other."""
        number = int(rng.integers(len(self.copies) + 1)) if self.copies else 0
        if number == 0:
            return self.window(frame)
        copy = self.copies[number - 1]
        return copy.features.at(Fraction(frame, FRAME_RATE) / copy.speed)


@dataclass
class ClipStore:
    """The clips of one split."""

    clips: list[StoredClip]
    """In the order of the manifest."""
    backgrounds: list[RecordingFeatures] = field(default_factory=list)
    """Features of noise and music without a voice, on which a mouth rests."""

    def fit_basis(self, num_motions: int) -> MotionBasis:
        """Learn the motion basis of these clips."""
        return fit_motion_basis([stored.clip.landmarks for stored in self.clips], num_motions)

    def apply_basis(self, basis: MotionBasis) -> None:
        """Describe the mouth of every frame of every clip."""
        for stored in self.clips:
            stored.motion = basis.motion(stored.clip.landmarks)

    def apply_audio(
        self,
        audio: AudioSpec,
        dataset: PathLike,
        *,
        augmentation: AudioAugmentation | None = None,
        seed: int = 0,
        progress: Progress = QUIET,
    ) -> None:
        """Compute the audio features that a generator's contract asks for, of every clip.

        Features but the mel of Wav2Lip are kept beside the clips (`FeatureCache`).

        Args:
            audio: which features.
            dataset: folder that the clips come from.
            augmentation: changed copies of the audio, to train with; none by default. The mel of Wav2Lip has none: its
                windows are changed themselves.
            seed: seed of everything that is drawn.
            progress: where the work is shown.

        Raises:
            InputError: there is no such set of features, or it cannot be loaded or kept.
        """
        silence = silent_row(audio)
        if is_wav2lip_mel(audio):
            for stored in self.clips:
                stored.features = RecordingFeatures(audio, stored.mel, silence)
            return
        cache = FeatureCache(dataset, features_for(audio))

        def features(name: str, samples: np.ndarray, seconds: float) -> RecordingFeatures:
            rows = cache.rows(name, samples, int(np.ceil(seconds * FRAME_RATE)))
            return RecordingFeatures(audio, np.ascontiguousarray(rows.T), silence)

        settings = augmentation or AudioAugmentation()
        for number, stored in enumerate(progress.track(self.clips, f"{audio.features} features", unit="clip")):
            stored.features = features(stored.clip_id, stored.clip.audio, stored.clip.num_frames / FRAME_RATE)
            samples, copies = _floats(stored.clip.audio), []
            for copy in range(settings.copies):
                rng = np.random.default_rng([seed, number, copy])
                other = self.clips[int(rng.integers(len(self.clips)))].clip.audio
                changed = changed_audio(gate_audio(samples, find_silence(samples)), _floats(other), settings, rng)
                name = f"{stored.clip_id}.{seed}.{copy}"
                rows = features(name, changed.samples, len(changed.samples) / SAMPLE_RATE)
                copies.append(AudioCopy(rows, changed.speed))
            stored.copies = tuple(copies)
        self.backgrounds = [
            features(f"background.{seed}.{number}", _background(seed, number), _BACKGROUND_SECONDS)
            for number in range(_NUM_BACKGROUNDS if settings.copies else 0)
        ]

    def sampling_weights(self) -> np.ndarray:
        """Chance of each clip, float64 (clips,): by length, evened out between speakers.

        The square root lies between drawing speakers evenly, which repeats rare ones until they are known by
        heart, and drawing frames evenly, which makes the set sound like its most recorded speaker.
        """
        totals: dict[str, int] = {}
        for stored in self.clips:
            totals[stored.speaker] = totals.get(stored.speaker, 0) + stored.clip.num_frames
        weights = np.array([stored.clip.num_frames / np.sqrt(totals[stored.speaker]) for stored in self.clips])
        return np.asarray(weights / weights.sum())


def _floats(audio: np.ndarray) -> np.ndarray:
    return audio.astype(np.float32) / 32768


def _background(seed: int, number: int) -> np.ndarray:
    """Draw noise or music of a level from soft to loud; the first is digital silence."""
    rng = np.random.default_rng([seed, number])
    num_samples = _BACKGROUND_SECONDS * SAMPLE_RATE
    if number == 0:
        return np.zeros(num_samples, np.float32)
    noise = background(num_samples, None, rng)
    level = 10 ** (rng.uniform(-50, -12) / 20)
    return (noise * level).clip(-1, 1).astype(np.float32)


def read_manifest(dataset: PathLike) -> list[dict[str, Any]]:
    """Read the manifest of a prepared data set.

    Raises:
        InputError: there is none, or a line of it cannot be read.
    """
    path = Path(dataset) / MANIFEST_NAME
    if not path.is_file():
        raise InputError(
            f"{dataset} is not a prepared data set: it has no {MANIFEST_NAME}; make one with `visavox prepare`"
        )
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line)
            entries.append({"clip_id": entry["clip_id"], "speaker": entry["speaker"], "split": entry["split"], **entry})
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(f"line {number} of {path} cannot be read ({error}); prepare the data set again") from error
    return entries


def load_store(dataset: PathLike, split: str, *, minimum_frames: int = 15, progress: Progress = QUIET) -> ClipStore:
    """Load one split of a prepared data set; images stay JPEG until they are drawn.

    Args:
        dataset: folder that `visavox prepare` wrote.
        split: `train` or `validation`.
        minimum_frames: shorter clips are left out.
        progress: where the loading is shown.

    Raises:
        InputError: no data set, or no clip in this split.
    """
    entries = [entry for entry in read_manifest(dataset) if entry["split"] == split]
    clips = []
    for entry in progress.track(entries, f"loading {split} clips", unit="clip"):
        clip = load_clip(Path(dataset) / "clips" / f"{entry['clip_id']}.npz")
        if clip.num_frames < minimum_frames:
            continue
        # Gated as dubbing gates it, so that what the networks take in a pause is the same silence everywhere.
        mel = gate_silence(mel_spectrogram(clip.audio.astype(np.float32) / 32768)).numpy()
        clips.append(
            StoredClip(entry["clip_id"], entry["speaker"], clip, mel, np.zeros((clip.num_frames, 0), np.float32))
        )
    if not clips:
        raise InputError(
            f"{dataset} has no clip of {minimum_frames} frames or more in its {split} split; "
            "prepare more videos, or give it other validation speakers"
        )
    return ClipStore(clips)
