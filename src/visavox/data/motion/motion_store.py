"""The motion and the speech of a prepared data set, in memory: no image is read."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from visavox.audio.features.speech_features import SpeechFeatures
from visavox.data.generator import FeatureCache, read_manifest
from visavox.errors import InputError
from visavox.progress import QUIET, Progress
from visavox.types import PathLike

ROWS_PER_FRAME = 2
"""Rows of speech features for each video frame."""


@dataclass(frozen=True)
class MotionClip:
    """One clip: how a face moves, and what it says."""

    clip_id: str
    """Name of the clip in its data set."""
    speaker: str
    """The speaker."""
    displacements: np.ndarray
    """float32 (T, 68, 3), centimetres from the canonical face."""
    confidence: np.ndarray
    """float32 (T,) in [0, 1]; 0 where the face was not seen."""
    features: np.ndarray
    """float32 (2 T, C), rows of speech features."""
    neutral: np.ndarray
    """float32 (68, 3): the mean displacement of the speaker over all their clips in the store."""

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.displacements)

    @property
    def expression(self) -> np.ndarray:
        """float32 (T, 68, 3): displacements from the speaker's mean."""
        motion: np.ndarray = self.displacements - self.neutral
        return motion


@dataclass(frozen=True)
class MotionStore:
    """The clips of one split, or some of them."""

    clips: list[MotionClip]
    """In the order of the manifest."""
    features: str
    """Name of the speech features."""

    def of_speaker(self, speaker: str) -> MotionStore:
        """Return the clips of one speaker."""
        return replace(self, clips=[clip for clip in self.clips if clip.speaker == speaker])

    def without_speaker(self, speaker: str) -> MotionStore:
        """Return the clips of all others."""
        return replace(self, clips=[clip for clip in self.clips if clip.speaker != speaker])

    def speakers(self) -> list[str]:
        """Return who speaks, sorted."""
        return sorted({clip.speaker for clip in self.clips})

    def frames(self) -> np.ndarray:
        """Return all frames that were seen, one after another: float32 (frames, 68, 3)."""
        return np.concatenate([clip.displacements[clip.confidence > 0] for clip in self.clips])

    def sampling_weights(self) -> np.ndarray:
        """Chance of each clip, float64 (clips,): by length, evened out between speakers as `ClipStore` does."""
        totals: dict[str, int] = {}
        for clip in self.clips:
            totals[clip.speaker] = totals.get(clip.speaker, 0) + clip.num_frames
        weights = np.array([clip.num_frames / np.sqrt(totals[clip.speaker]) for clip in self.clips])
        shares: np.ndarray = weights / weights.sum()
        return shares


def load_motion_store(
    dataset: PathLike,
    split: str,
    features: SpeechFeatures,
    *,
    minimum_frames: int = 15,
    progress: Progress = QUIET,
) -> MotionStore:
    """Load the motion of one split of a prepared data set.

    Args:
        dataset: folder that `visavox prepare` wrote.
        split: `train` or `validation`.
        features: how its speech is described; pauses are heard as silence, and what is computed is kept beside the
            clips.
        minimum_frames: shorter clips are left out.
        progress: where the loading is shown.

    Raises:
        InputError: no data set, clips without motion, or no clip in this split.
    """
    entries = [entry for entry in read_manifest(dataset) if entry["split"] == split]
    cache, clips = FeatureCache(dataset, features), []
    for entry in progress.track(entries, f"loading {split} motion", unit="clip"):
        displacements, confidence, audio = _read(Path(dataset) / "clips" / f"{entry['clip_id']}.npz")
        frames = len(displacements)
        if frames < minimum_frames or not confidence.any():
            continue
        rows = cache.rows(entry["clip_id"], audio, frames)
        clips.append(
            MotionClip(entry["clip_id"], entry["speaker"], displacements, confidence, rows, displacements[0] * 0)
        )
    if not clips:
        raise InputError(
            f"{dataset} has no clip of {minimum_frames} frames or more with a face in its {split} split; prepare more "
            "videos, or give it other validation speakers"
        )
    return MotionStore(_with_neutrals(clips), features.name)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read displacements, confidence and audio of a clip, and nothing else of it."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["displacements"], arrays["confidence"], arrays["audio"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is no prepared clip with motion ({error}); prepare the data set again with `visavox prepare`"
        ) from error


def _with_neutrals(clips: list[MotionClip]) -> list[MotionClip]:
    frames: dict[str, list[np.ndarray]] = {}
    for clip in clips:
        frames.setdefault(clip.speaker, []).append(clip.displacements[clip.confidence > 0])
    neutrals = {name: np.concatenate(parts).mean(axis=0, dtype=np.float64) for name, parts in frames.items()}
    return [replace(clip, neutral=neutrals[clip.speaker].astype(np.float32)) for clip in clips]
