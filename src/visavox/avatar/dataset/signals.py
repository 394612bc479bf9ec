"""Motion, head pose and speech of a person's data set, frame by frame.

The displacements are those of the pose of each single frame (`visavox.face.geometry.motion` says why). The pose that a
renderer looks along is smoothed: what trembles in it would tremble in the image, hair and ears first. The speech has
640 samples for each frame, moved to where the lips are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from visavox.audio.features import mel_spectrogram
from visavox.avatar.dataset.tracking import PersonTrack, PersonVideos, stretches
from visavox.constants import FRAME_RATE, SAMPLES_PER_FRAME
from visavox.data.preparation import AppliedLag, LagSettings, choose_lag, loudness, measure_lag, shift_audio
from visavox.errors import InputError
from visavox.face.geometry import displacements_of, facing, fill_in, mouth_opening
from visavox.media import read_audio
from visavox.runtime.files import write_whole
from visavox.types import FrameStatus


def smooth_pose(
    rotations: np.ndarray, translations: np.ndarray, known: np.ndarray, stretch: np.ndarray, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth a pose within every stretch of time, and fill in what is not known.

    Rotations are averaged as matrices and brought back to the nearest rotation (the chordal mean: Hartley, Trumpf, Dai,
    Li, "Rotation Averaging", IJCV 2013, section 5.3).

    Args:
        rotations: (T, 3, 3).
        translations: (T, 3).
        known: bool (T,): frames whose pose is to be believed, at least one.
        stretch: (T,): number of the stretch of time.
        sigma: standard deviation of the Gaussian in frames; 0 smooths nothing.

    Returns:
        Rotations float32 (T, 3, 3) and translations float32 (T, 3), finite everywhere.
    """
    values = np.concatenate([rotations.reshape(-1, 9), translations], axis=1).astype(np.float64)
    values = fill_in(values, np.flatnonzero(known))
    if sigma > 0:
        for start, stop in stretches(stretch):
            weight = known[start:stop].astype(np.float64)[:, None]
            if not weight.any():
                continue
            # What was filled in only counts where nothing known is near.
            weight = np.maximum(weight, 1e-3)
            total = gaussian_filter1d(values[start:stop] * weight, sigma, axis=0, mode="nearest")
            values[start:stop] = total / gaussian_filter1d(weight, sigma, axis=0, mode="nearest")
    return nearest_rotations(values[:, :9].reshape(-1, 3, 3)).astype(np.float32), values[:, 9:].astype(np.float32)


def nearest_rotations(matrices: np.ndarray) -> np.ndarray:
    """The rotations (T, 3, 3) that differ least from matrices (Procrustes)."""
    left, _, right = np.linalg.svd(matrices)
    left[..., -1] *= np.sign(np.linalg.det(left @ right))[:, None]
    return np.asarray(left @ right)


def write_motion(path: Path, track: PersonTrack, usable: np.ndarray, sigma: float) -> None:
    """Write displacements, confidence, smoothed pose and which frames are usable.

    Args:
        path: the file.
        track: the person, T frames.
        usable: bool (T,): frames whose face is known and segmented.
        sigma: standard deviation of the smoothing of the pose, in frames.

    Raises:
        InputError: the face is in no frame.
    """
    if not usable.any():
        raise InputError("the face is in none of the frames; give a video in which it can be seen")
    raw = displacements_of(track.landmarks, track.rotations, track.translations, track.frame_size)
    displacements = fill_in(np.where(usable[:, None, None], raw, 0), np.flatnonzero(usable))
    rotations, translations = smooth_pose(
        track.rotations, track.translations, track.seen & usable, track.stretch, sigma
    )
    away = np.nan_to_num(facing(track.rotations, track.translations)[:, 2, 2])
    detected = (track.status == FrameStatus.DETECTED) & usable
    arrays = {
        "displacements": displacements.astype(np.float32),
        "confidence": np.where(detected, np.clip(away, 0, 1), 0).astype(np.float32),
        "rotations": rotations,
        "translations": translations,
        "usable": usable,
    }
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


LONG = 20.0
"""Seconds from which on a video tells its lag alone. Shorter ones of one camera are taken to have one lag."""


@dataclass(frozen=True)
class PersonAudio:
    """The audio of all videos, not moved yet."""

    waveforms: tuple[np.ndarray, ...]
    """float32 (N,) of each video, 16 kHz; empty where one has none."""
    level: float
    """Loudness of the loudest moments, in dB of full scale."""

    @property
    def silent(self) -> int:
        """Number of videos without audio."""
        return sum(len(waveform) == 0 for waveform in self.waveforms)


@dataclass(frozen=True)
class Lags:
    """Lags between audio and frames."""

    seconds: tuple[float, ...]
    """Correction of each video; negative: its audio is advanced."""
    measured: tuple[AppliedLag, ...]
    """Measurements: of each long video, then of all short ones together."""

    @property
    def is_sure(self) -> bool:
        """True where a lag could be measured everywhere."""
        return all(one.source == "measured" for one in self.measured)


def read_person_audio(videos: PersonVideos) -> PersonAudio:
    """Read the audio of all videos; one without audio is silent."""
    waveforms = []
    for video in videos.files:
        try:
            waveforms.append(read_audio(video.path))
        except InputError:
            waveforms.append(np.zeros(0, np.float32))
    return PersonAudio(tuple(waveforms), loudness(np.concatenate(waveforms)))


def measure_lags(audio: PersonAudio, track: PersonTrack, settings: LagSettings | None = None) -> Lags:
    """Measure by how much audio and lips are apart: in each long video alone, in the short ones together."""
    settings = settings or LagSettings()
    spans = stretches(track.video)
    long = [span for span in spans if (span[1] - span[0]) / FRAME_RATE >= LONG]
    short = [span for span in spans if span not in long]
    applied = {span: _measure(audio, track, [span], settings) for span in long}
    together = _measure(audio, track, short, settings) if short else None
    seconds = tuple(
        applied[span].seconds if span in applied else together.seconds if together is not None else 0.0
        for span in spans
    )
    measured = (*applied.values(), *(() if together is None else (together,)))
    return Lags(seconds, measured)


def write_speech(path: Path, audio: PersonAudio, lags: Lags, track: PersonTrack) -> None:
    """Write int16 (640 T,)."""
    speech = np.zeros(track.num_frames * SAMPLES_PER_FRAME, dtype=np.int16)
    for waveform, lag, (start, stop) in zip(audio.waveforms, lags.seconds, stretches(track.video), strict=True):
        piece = shift_audio(waveform, lag, 0, (stop - start) * SAMPLES_PER_FRAME)
        speech[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME] = np.round(np.clip(piece, -1, 1) * 32767)
    write_whole(path, lambda file: np.save(file, speech))


def _measure(audio: PersonAudio, track: PersonTrack, spans: list[tuple[int, int]], settings: LagSettings) -> AppliedLag:
    """Measure the lag of some videos as if they were one recording."""
    waveforms, openings, first = [], [], 0
    opening = mouth_opening(track.landmarks)
    labels = 2 * track.stretch + track.seen
    for start, stop in spans:
        video = int(track.video[start])
        waveforms.append(shift_audio(audio.waveforms[video], 0.0, 0, (stop - start) * SAMPLES_PER_FRAME))
        for begin, end in stretches(labels[start:stop]):
            if track.seen[start + begin]:
                openings.append((first + begin, opening[start + begin : start + end]))
        first += stop - start
    together = np.concatenate(waveforms)
    if not openings or not np.any(together):
        return AppliedLag()
    return choose_lag(None, measure_lag(mel_spectrogram(together).numpy(), openings, settings.largest), settings)
