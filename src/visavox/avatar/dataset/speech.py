"""The sound of the footage: 640 samples for each frame, moved to where the lips are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visavox.audio.features.mel import mel_spectrogram
from visavox.avatar.dataset.footage import Footage
from visavox.avatar.dataset.tracking import PersonTrack, stretches
from visavox.constants import FRAME_RATE, SAMPLES_PER_FRAME
from visavox.data.preparation.lag import AppliedLag, choose_lag, measure_lag, shift_audio
from visavox.data.preparation.quality import loudness
from visavox.data.preparation.settings import LagSettings
from visavox.errors import InputError
from visavox.face.geometry.landmarks import mouth_opening
from visavox.media.sound import read_audio
from visavox.runtime.files import write_whole

LONG = 20.0
"""Seconds from which on a video tells its lag alone. Shorter ones of one camera are taken to have one lag."""


@dataclass(frozen=True)
class Sound:
    """The sound of all videos, not moved yet."""

    waveforms: tuple[np.ndarray, ...]
    """float32 (N,) of each video, 16 kHz; empty where one has none."""
    level: float
    """Loudness of the loudest moments, in dB of full scale."""

    @property
    def silent(self) -> int:
        """How many videos have no sound."""
        return sum(len(waveform) == 0 for waveform in self.waveforms)


@dataclass(frozen=True)
class Lags:
    """How far sound and picture are apart."""

    seconds: tuple[float, ...]
    """What each video is corrected by; negative: its sound is advanced."""
    measured: tuple[AppliedLag, ...]
    """What was measured: of each long video, then of all short ones together."""

    @property
    def is_sure(self) -> bool:
        """Whether something could be measured everywhere."""
        return all(one.source == "measured" for one in self.measured)


def read_sound(footage: Footage) -> Sound:
    """Read the sound of all videos; one without sound is silent."""
    waveforms = []
    for video in footage.videos:
        try:
            waveforms.append(read_audio(video.path))
        except InputError:
            waveforms.append(np.zeros(0, np.float32))
    return Sound(tuple(waveforms), loudness(np.concatenate(waveforms)))


def measure_lags(sound: Sound, track: PersonTrack, settings: LagSettings | None = None) -> Lags:
    """Measure by how much sound and lips are apart: in each long video alone, in the short ones together."""
    settings = settings or LagSettings()
    spans = stretches(track.video)
    long = [span for span in spans if (span[1] - span[0]) / FRAME_RATE >= LONG]
    short = [span for span in spans if span not in long]
    applied = {span: _measure(sound, track, [span], settings) for span in long}
    together = _measure(sound, track, short, settings) if short else None
    seconds = tuple(
        applied[span].seconds if span in applied else together.seconds if together is not None else 0.0
        for span in spans
    )
    measured = (*applied.values(), *(() if together is None else (together,)))
    return Lags(seconds, measured)


def write_speech(path: Path, sound: Sound, lags: Lags, track: PersonTrack) -> None:
    """Write int16 (640 T,)."""
    speech = np.zeros(track.num_frames * SAMPLES_PER_FRAME, dtype=np.int16)
    for waveform, lag, (start, stop) in zip(sound.waveforms, lags.seconds, stretches(track.video), strict=True):
        piece = shift_audio(waveform, lag, 0, (stop - start) * SAMPLES_PER_FRAME)
        speech[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME] = np.round(np.clip(piece, -1, 1) * 32767)
    write_whole(path, lambda file: np.save(file, speech))


def _measure(sound: Sound, track: PersonTrack, spans: list[tuple[int, int]], settings: LagSettings) -> AppliedLag:
    """Measure the lag of some videos as if they were one recording."""
    waveforms, openings, first = [], [], 0
    opening = mouth_opening(track.landmarks)
    labels = 2 * track.stretch + track.seen
    for start, stop in spans:
        video = int(track.video[start])
        waveforms.append(shift_audio(sound.waveforms[video], 0.0, 0, (stop - start) * SAMPLES_PER_FRAME))
        for begin, end in stretches(labels[start:stop]):
            if track.seen[start + begin]:
                openings.append((first + begin, opening[start + begin : start + end]))
        first += stop - start
    together = np.concatenate(waveforms)
    if not openings or not np.any(together):
        return AppliedLag()
    return choose_lag(None, measure_lag(mel_spectrogram(together).numpy(), openings, settings.largest), settings)
