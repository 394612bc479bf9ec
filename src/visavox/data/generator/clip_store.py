"""A prepared data set in memory: clips with their mel and motion, ready to be drawn from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.audio.features.mel import mel_spectrogram
from visavox.audio.silence import gate_silence
from visavox.data.generator.clip_file import ClipFile, load_clip
from visavox.errors import InputError
from visavox.models.generator import AudioSpec, MotionBasis, fit_motion_basis
from visavox.progress import QUIET, Progress
from visavox.speech import RecordingFeatures, is_wav2lip_mel, recording_features, silent_row
from visavox.types import PathLike

MANIFEST_NAME = "manifest.jsonl"


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

    def window(self, frame: int) -> np.ndarray:
        """Cut the audio features, float32 (C, `window`), that drive video frame number `frame`."""
        assert self.features is not None, "`apply_audio` comes first"
        return self.features.of_frame(frame)


@dataclass
class ClipStore:
    """The clips of one split."""

    clips: list[StoredClip]
    """In the order of the manifest."""

    def fit_basis(self, num_motions: int) -> MotionBasis:
        """Learn the motion basis of these clips."""
        return fit_motion_basis([stored.clip.landmarks for stored in self.clips], num_motions)

    def apply_basis(self, basis: MotionBasis) -> None:
        """Describe the mouth of every frame of every clip."""
        for stored in self.clips:
            stored.motion = basis.motion(stored.clip.landmarks)

    def apply_audio(self, audio: AudioSpec) -> None:
        """Compute the audio features that a generator's contract asks for, of every clip.

        Raises:
            InputError: there is no such set of features, or it cannot be loaded.
        """
        silence = silent_row(audio)
        for stored in self.clips:
            if is_wav2lip_mel(audio):
                stored.features = RecordingFeatures(audio, stored.mel, silence)
            else:
                stored.features = recording_features(audio, stored.clip.audio.astype(np.float32) / 32768)

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
