"""The clips of a prepared data set as this benchmark takes them: audio, and how the face moved."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visavox.audio.silence import find_silence
from visavox.constants import FRAME_RATE
from visavox.data.generator import read_manifest
from visavox.errors import InputError
from visavox.progress import QUIET, Progress


@dataclass(frozen=True)
class Material:
    """One clip of T frames."""

    clip_id: str
    """Name in the data set."""
    group: str
    """The recordings that it belongs to: the folder of its video; folders of one corpus are one group."""
    speaker: str
    """Who speaks."""
    audio: np.ndarray
    """float32 (N,), 16 kHz, sample 0 heard with frame 0."""
    displacements: np.ndarray
    """float32 (T, 68, 3), centimetres from the canonical face."""
    seen: np.ndarray
    """bool (T,): frames in which the face was seen."""

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.displacements)

    @property
    def sound_16_bits(self) -> np.ndarray:
        """int16 (N,): the audio as the data set has it."""
        result: np.ndarray = np.rint(self.audio * 32768).astype(np.int16)
        return result

    def paused(self, margin: float = 0.12) -> np.ndarray:
        """bool (T,): frames in a pause of 0.3 s or more, at least `margin` seconds from speech."""
        times = (np.arange(self.num_frames) + 0.5) / FRAME_RATE
        length, inside = len(self.audio) / 16000, np.zeros(self.num_frames, bool)
        for start, end in find_silence(self.audio):
            first = start + margin if start > 0 else start
            last = end - margin if end < length else end
            inside |= (times >= first) & (times <= last)
        return inside


def load_material(
    dataset: Path, split: str, *, minimum_frames: int = 15, limit: int | None = None, progress: Progress = QUIET
) -> list[Material]:
    """Read the clips of one split.

    Args:
        dataset: folder that `visavox prepare` wrote.
        split: `train` or `validation`.
        minimum_frames: shorter clips are left out.
        limit: at most so many clips of a group.
        progress: where the reading is shown.

    Raises:
        InputError: no data set, clips without motion, or no clip in this split.
    """
    clips: list[Material] = []
    counts: dict[str, int] = {}
    entries = [entry for entry in read_manifest(dataset) if entry["split"] == split]
    for entry in progress.track(entries, f"reading {split} clips", unit="clip"):
        group = group_of(str(entry.get("source", entry["clip_id"])))
        if limit is not None and counts.get(group, 0) >= limit:
            continue
        displacements, confidence, audio = _read(dataset / "clips" / f"{entry['clip_id']}.npz")
        if len(displacements) < minimum_frames or not confidence.any():
            continue
        counts[group] = counts.get(group, 0) + 1
        sound = audio.astype(np.float32) / 32768
        clips.append(Material(entry["clip_id"], group, entry["speaker"], sound, displacements, confidence > 0))
    if not clips:
        raise InputError(f"{dataset} has no clip of {minimum_frames} frames or more in its {split} split.")
    return clips


def group_of(source: str) -> str:
    """Name the group of a video by its folder: `eval/lrwar/00409.mp4` is of `lrwar`, `grid_...` all of `grid`."""
    parts = Path(source).parts
    name = parts[-2] if len(parts) > 1 else "all"
    return "grid" if name.startswith("grid") else name


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read motion and audio of a clip, none of its images."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["displacements"], arrays["confidence"], arrays["audio"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no prepared clip with motion ({error}); prepare the data set again.") from error
