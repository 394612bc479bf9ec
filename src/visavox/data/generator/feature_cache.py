"""Speech features of a prepared data set: computed once for every clip, and kept beside the clips.

    DATASET/features/<name>-<hash>/<clip_id>.npz     rows float16 (K, C), and a mark of the audio

The hash is that of the features' fingerprint (other weights, other folder). A file appears under its name only when it
is whole, and remembers which audio it was made of, so an interrupted run goes on and a clip that was prepared again is
computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from visavox.audio.features.speech_features import SpeechFeatures
from visavox.audio.silence import find_silence, gate_audio
from visavox.errors import InputError
from visavox.progress import QUIET, Progress
from visavox.runtime.files import leftovers, write_whole
from visavox.types import PathLike

if TYPE_CHECKING:
    from visavox.data.generator.clip_store import StoredClip

FEATURES_FOLDER = "features"
_LEFTOVER_AGE = 3600.0
"""Seconds after which a file that is not whole belongs to nobody: it is written in a moment."""


class FeatureCache:
    """Features of the clips of one data set.

    Args:
        dataset: folder that `visavox prepare` wrote.
        features: which features.

    Raises:
        InputError: the folder for them cannot be made.
    """

    def __init__(self, dataset: PathLike, features: SpeechFeatures) -> None:
        self.features = features
        self.folder = Path(dataset) / FEATURES_FOLDER / _folder_name(features)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.folder} cannot be made: {error.strerror}; free the place, or copy the data set "
                "to where you may write"
            ) from None
        self._remove_leftovers()

    def of(self, stored: StoredClip) -> np.ndarray:
        """Features of a clip, silences gated as the mel of `load_store` is.

        Returns:
            float32 (2 T, C) for the T frames of the clip.

        Raises:
            InputError: the file cannot be written.
        """
        return self.rows(stored.clip_id, stored.clip.audio, stored.clip.num_frames)

    def rows(self, clip_id: str, audio: np.ndarray, num_frames: int) -> np.ndarray:
        """Features of a clip by its name, int16 audio (N,) and number of frames T; as `of` gives them."""
        path = self.folder / f"{clip_id}.npz"
        mark = hashlib.sha256(audio.tobytes()).hexdigest()
        rows = _read(path, mark, self.features.size)
        if rows is None:
            rows = clip_features(self.features, audio).astype(np.float16)
            _write(path, rows, mark)
        return fit_rows(rows.astype(np.float32), num_frames)

    def fill(self, clips: Iterable[StoredClip], progress: Progress = QUIET) -> list[np.ndarray]:
        """Return the features of many clips, computed where missing: float32 (K, C) for each clip, in order."""
        return [self.of(stored) for stored in progress.track(clips, f"{self.features.name} features", unit="clip")]

    def _remove_leftovers(self) -> None:
        """Remove what a run was writing when it was ended; what is new may be another run's at this moment."""
        for leftover in leftovers(self.folder):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - leftover.stat().st_mtime > _LEFTOVER_AGE:
                    leftover.unlink()


def clip_features(features: SpeechFeatures, audio: np.ndarray) -> np.ndarray:
    """Features of a recording with its silences gated, float32 (K, C), of int16 or float (N,)."""
    samples = audio.astype(np.float32) / 32768 if audio.dtype == np.int16 else audio.astype(np.float32)
    return features.of(gate_audio(samples, find_silence(samples)))


def fit_rows(rows: np.ndarray, num_frames: int) -> np.ndarray:
    """Cut rows (K, C) to the 2 T of a clip of T frames; audio that ends a little early is filled by its last row."""
    wanted = 2 * num_frames
    return rows[np.minimum(np.arange(wanted), len(rows) - 1)]


def _folder_name(features: SpeechFeatures) -> str:
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", features.name).strip("-")[-60:]
    return f"{readable}-{hashlib.sha256(features.fingerprint.encode()).hexdigest()[:12]}"


def _read(path: Path, mark: str, size: int) -> np.ndarray | None:
    """Read the file of a clip; None where it is missing, damaged, or of another audio."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            rows, found = arrays["rows"], str(arrays["sound"])
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    return rows if found == mark and rows.ndim == 2 and rows.shape[1] == size else None


def _write(path: Path, rows: np.ndarray, mark: str) -> None:
    try:
        write_whole(path, lambda file: np.savez(file, rows=rows, sound=np.array(mark)))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; make room on the disk") from None
