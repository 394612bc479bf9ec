"""Drives: what moves a mouth, moment by moment. One for each kind of condition that a generator takes.

A drive is prepared once for a recording and the faces that speak it, and then gives the conditions of batches of
moments. Expressiveness, rest in pauses and motion are its business; what renders knows conditions alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from visavox.audio.features import MEL_FRAMES_PER_SECOND, MEL_MIN
from visavox.dubbing.backends import GeneratorBackend, MouthInfo
from visavox.dubbing.expressiveness import own_expressiveness
from visavox.dubbing.settings import DubSettings
from visavox.dubbing.speech import Speech
from visavox.models.generator import AudioSpec, MouthCode
from visavox.progress import Progress
from visavox.speech import is_wav2lip_mel, silent_row
from visavox.types import Motion, Track

_TO_REST = 0.12
"""Seconds in which a mouth comes to rest where the motion ends and the video goes on."""
_SHORTEST_PAUSE = 0.3
"""Seconds of silence in which lips come to rest; the closure of a plosive is shorter."""
_CLOSING = 0.12
"""Seconds from the end of speech until the lips are at rest."""
_OPENING = 0.14
"""Seconds before speech at which they leave it: mouths open before they speak."""
_MOST_MOMENTS = 512
"""Moments of a recording whose motion is predicted beforehand."""
_MOMENTS_AT_A_TIME = 64


class FaceMoment(NamedTuple):
    """One face at one moment of the speech."""

    face: int
    """Number of the face."""
    time: Fraction
    """Seconds into the recording."""


class Drive(ABC):
    """Drive of the mouths of all faces of one job."""

    @abstractmethod
    def conditions(self, moments: Sequence[FaceMoment]) -> np.ndarray:
        """Make the conditions, float32 (B, D), of a batch of moments."""

    def end(self) -> None:  # noqa: B027 - a drive that takes no audio has nothing to end
        """Say that no more audio comes."""

    def is_ready(self, time: Fraction) -> bool:
        """Tell whether everything is known that the mouth at a moment depends on."""
        return True

    def forget(self, before: Fraction) -> None:  # noqa: B027 - nor to forget
        """Let go of what no moment from `before` on depends on."""


class AudioDrive(Drive):
    """Audio features, that may arrive in pieces of any size.

    drive = AudioDrive(backend)
    drive.push(rows)
    drive.end()
    """

    def __init__(self, backend: GeneratorBackend) -> None:
        assert backend.spec.audio is not None, "a generator that is driven by audio"
        self.backend, self.audio = backend, backend.spec.audio
        self._rows = _Rows(self.audio, silent_row(self.audio))

    def push(self, rows: np.ndarray) -> None:
        """Take the next rows of the audio features, float32 (C, k).

        Raises:
            RuntimeError: `end` was called before.
        """
        self._rows.push(rows)

    def end(self) -> None:
        """Say that what follows is silence."""
        self._rows.ended = True

    def conditions(self, moments: Sequence[FaceMoment]) -> np.ndarray:
        """Make the conditions, float32 (B, D), of a batch of moments."""
        return self.backend.condition(self._windows(moments))

    def is_ready(self, time: Fraction) -> bool:
        """Tell whether all rows of the window of a moment have come."""
        return self._rows.reach(time)

    def forget(self, before: Fraction) -> None:
        """Drop rows that no moment from `before` on needs."""
        self._rows.forget(before)

    def _windows(self, moments: Sequence[FaceMoment]) -> np.ndarray:
        return np.stack([self._rows.at(moment.time) for moment in moments])


class MouthMotionDrive(AudioDrive):
    """Audio features whose mouth motion is predicted, made as wide as a person's own, and brought to rest in pauses."""

    def __init__(self, backend: GeneratorBackend, expressiveness: Mapping[int, float] | None = None) -> None:
        """Prepare the drive.

        Args:
            backend: a generator that predicts mouth motion.
            expressiveness: factor on the motion from rest, by the number of the face; 1 where there is none.
        """
        super().__init__(backend)
        assert backend.mouth is not None, "a generator that predicts mouth motion"
        self.mouth: MouthInfo = backend.mouth
        self.expressiveness = dict(expressiveness or {})
        self._pauses = self._rows
        if not is_wav2lip_mel(self.audio):
            mel = pause_audio(self.audio)
            self._pauses = _Rows(mel, silent_row(mel))

    def push_pauses(self, mel: np.ndarray) -> None:
        """Take the next frames of the mel, (80, k), in which pauses are seen, where the features are no mel."""
        if self._pauses is not self._rows:
            self._pauses.push(mel)

    def end(self) -> None:
        """Say that what follows is silence."""
        super().end()
        self._pauses.ended = True

    def is_ready(self, time: Fraction) -> bool:
        """Tell whether all rows of the window of a moment have come."""
        return super().is_ready(time) and self._pauses.reach(time)

    def forget(self, before: Fraction) -> None:
        """Drop rows that no moment from `before` on needs."""
        super().forget(before)
        if self._pauses is not self._rows:
            self._pauses.forget(before)

    def conditions(self, moments: Sequence[FaceMoment]) -> np.ndarray:
        """Make the conditions, float32 (B, D), of a batch of moments."""
        motion, rest = self.backend.predict_motion(self._windows(moments)), self.mouth.rest
        factors = np.array([self.expressiveness.get(moment.face, 1.0) for moment in moments], np.float32)
        motion = np.maximum(rest + factors[:, None] * (motion - rest), self.mouth.lowest)
        mel = np.stack([self._pauses.at(moment.time) for moment in moments])
        shares = rest_shares(mel, self._pauses.audio.lead)
        return self.backend.condition_motion(motion + shares[:, None] * (rest - motion))


@dataclass(frozen=True)
class FittedMotion:
    """Mouth motion of one face over time."""

    motion: np.ndarray
    """float32 (T, K)."""
    rest: np.ndarray
    """float32 (K,): at rest with lips shut."""
    rate: Fraction
    """Frames a second."""

    def at(self, time: Fraction) -> np.ndarray:
        """Return the motion, float32 (K,), at a time in seconds: interpolated linearly, at rest behind the end."""
        position = max(0.0, float(time * self.rate))
        first = min(int(position), len(self.motion) - 1)
        second = min(first + 1, len(self.motion) - 1)
        share = min(position - first, 1.0)
        motion = (1 - share) * self.motion[first] + share * self.motion[second]
        behind = (position - len(self.motion)) / float(self.rate)  # its last frame is shown for its whole time
        if behind <= 0:
            return np.asarray(motion, np.float32)
        gone = min(1.0, behind / _TO_REST)
        return np.asarray((1 - gone) * motion + gone * self.rest, np.float32)


class LandmarkDrive(Drive):
    """Motion of 68 landmarks, from speech or from a performance, fitted to each face."""

    def __init__(self, backend: GeneratorBackend, motions: Mapping[int, FittedMotion]) -> None:
        """Prepare the drive.

        Args:
            backend: a generator that is driven by motion.
            motions: mouth motion by the number of the face.
        """
        self.backend, self.motions = backend, dict(motions)

    def conditions(self, moments: Sequence[FaceMoment]) -> np.ndarray:
        """Make the conditions, float32 (B, D), of a batch of moments."""
        return self.backend.condition_motion(np.stack([self.motions[face].at(time) for face, time in moments]))


def prepare_drive(
    backend: GeneratorBackend,
    speech: Speech,
    tracks: Sequence[Track],
    settings: DubSettings,
    motion: Motion | None,
    progress: Progress,
) -> Drive:
    """Prepare the drive of a generator for a recording and the faces that speak it.

    Args:
        backend: the generator.
        speech: the recording.
        tracks: the faces.
        settings: how far mouths move.
        motion: motion of 68 landmarks, for a generator that is driven by it; made of the recording by default.
        progress: takes the events.

    Raises:
        InputError: the recording, or the model that makes motion of it, cannot be used.
    """
    if backend.spec.audio is None:
        assert backend.mouth_code is not None, "a generator that is driven by motion maps landmarks to it"
        motion = motion or motion_of_speech(speech.path, settings, progress)
        fitted = {track.face_id: fit_motion(motion, backend.mouth_code, track, settings) for track in tracks}
        return LandmarkDrive(backend, fitted)
    if backend.mouth is None:
        drive = AudioDrive(backend)
    else:
        drive = MouthMotionDrive(backend)
        drive.push_pauses(speech.mel)
    drive.push(speech.rows)
    drive.end()
    if isinstance(drive, MouthMotionDrive):
        drive.expressiveness = _expressiveness(drive, speech, tracks, settings.expressiveness)
    return drive


def _expressiveness(
    drive: MouthMotionDrive, speech: Speech, tracks: Sequence[Track], wanted: float | None
) -> dict[int, float]:
    """Choose the factor on the predicted motion of each face: as asked for, or as the video shows the person."""
    if wanted is not None:
        return {track.face_id: wanted for track in tracks}
    predicted = predicted_openings(drive, speech.mel)
    return {track.face_id: own_expressiveness(track, predicted) for track in tracks}


def predicted_openings(drive: MouthMotionDrive, mel: np.ndarray) -> np.ndarray:
    """Predict how far the lips open in a recording.

    Args:
        drive: to which the whole recording was pushed.
        mel: float32 (80, M) in [-4, 4] of the recording, which tells where it is audible.

    Returns:
        float32 (N,) in distances between the outer eye corners, for up to 512 audible moments, spread over the
        recording.
    """
    audible = np.flatnonzero((mel > MEL_MIN).any(axis=0))
    if not len(audible):
        return np.empty(0, np.float32)
    sampled = audible[np.linspace(0, len(audible) - 1, min(len(audible), _MOST_MOMENTS)).round().astype(int)]
    moments = [FaceMoment(0, Fraction(int(frame), MEL_FRAMES_PER_SECOND)) for frame in sampled]
    mouth, openings = drive.mouth, []
    for start in range(0, len(moments), _MOMENTS_AT_A_TIME):
        motion = drive.backend.predict_motion(drive._windows(moments[start : start + _MOMENTS_AT_A_TIME]))
        openings.append((motion[:, 0] - mouth.lowest[0]) * np.float32(mouth.opening_scale))
    return np.concatenate(openings)


def motion_of_speech(audio: str, settings: DubSettings, progress: Progress) -> Motion:
    """Make the motion of 68 landmarks of a recording.

    Raises:
        InputError: the recording, or the motion model, cannot be used.
    """
    from visavox.motion.speech_to_motion import SpeechToMotionSettings, speech_to_motion

    given: dict[str, Any] = {"seed": settings.seed, "temperature": settings.temperature}
    motion_settings = SpeechToMotionSettings(**{name: value for name, value in given.items() if value is not None})
    return speech_to_motion(audio, motion_settings, progress)


def fit_motion(motion: Motion, code: MouthCode, track: Track, settings: DubSettings) -> FittedMotion:
    """Fit a motion, whoever's it is, to the person in a video.

    What a mouth does is counted from the face at rest, the performer's there and the person's own here: shut is shut,
    and at rest the person looks as they do at rest. How far they move is scaled as with every other model.

    Args:
        motion: of 68 landmarks, of anybody.
        code: maps it to mouth motion.
        track: the person's face in the video that is dubbed.
        settings: how far, if not as the video shows.
    """
    size = settings.expressiveness
    if size is None:
        seen = motion.displacements[motion.confidence > 0]
        size = own_expressiveness(track, code.openings(seen if len(seen) else motion.displacements))
    openness = 1.0 if settings.openness is None else settings.openness
    numbers = code.driven(code.encode(motion.displacements), size, openness)
    return FittedMotion(numbers, code.rest.numpy(), motion.rate)


def rest_shares(windows: np.ndarray, center: int) -> np.ndarray:
    """Tell how far the mouth is at rest in the middle of mel windows.

    A network that is given 0.8 s of audio is given the words before and after a pause, and moves in it. Pauses are true
    silence (`visavox.audio.silence.gate_silence`), so they can be read off the mel window itself, without looking
    further ahead.

    Args:
        windows: float32 (B, 80, W) in [-4, 4], silences gated to -4.
        center: the mel frame of the window that is heard with the image.

    Returns:
        float32 (B,) in [0, 1]: 0 while there is speech, 1 in a pause of 0.3 s or more, with ramps at its ends.
    """
    silent = np.all(windows <= MEL_MIN, axis=1)  # B W
    before = _run_length(silent[:, center::-1])
    after = _run_length(silent[:, center + 1 :])
    seconds_before, seconds_after = before / MEL_FRAMES_PER_SECOND, after / MEL_FRAMES_PER_SECOND
    # A run that reaches the end of the window goes on for all that is known.
    whole_before, whole_after = before == center + 1, after == silent.shape[1] - center - 1
    shares = np.minimum(
        np.where(whole_before, 1.0, seconds_before / _CLOSING), np.where(whole_after, 1.0, seconds_after / _OPENING)
    )
    is_pause = seconds_before + seconds_after >= _SHORTEST_PAUSE
    return np.where(is_pause, shares.clip(0, 1), 0.0).astype(np.float32)


def pause_audio(audio: AudioSpec) -> AudioSpec:
    """Return the mel window that covers the same seconds as a window of other features."""
    factor = Fraction(MEL_FRAMES_PER_SECOND, audio.rate)
    return AudioSpec(window=max(1, round(audio.window * factor)), lead=max(0, round(audio.lead * factor)))


class _Rows:
    """Rows of features as they arrive, and windows of them; what comes before and after is silence."""

    def __init__(self, audio: AudioSpec, silence: np.ndarray) -> None:
        self.audio, self.silence = audio, silence
        self.ended = False
        self._rows = np.zeros((audio.size, 0), np.float32)
        self._start = 0  # number of the first row that is kept

    def push(self, rows: np.ndarray) -> None:
        if self.ended:
            raise RuntimeError("audio came after its end")
        self._rows = np.concatenate([self._rows, rows], axis=1) if self._rows.shape[1] else rows

    def at(self, time: Fraction) -> np.ndarray:
        # Rows before the first one that is kept were dropped because no later window reaches them.
        return self.audio.rows_at(self._rows, time - Fraction(self._start, self.audio.rate), self.silence)

    def reach(self, time: Fraction) -> bool:
        return self.ended or self.audio.first_row(time) + self.audio.window <= self._start + self._rows.shape[1]

    def forget(self, before: Fraction) -> None:
        drop = min(self.audio.first_row(before) - self._start, self._rows.shape[1])
        if drop > 4 * self.audio.window:
            self._rows = self._rows[:, drop:]  # a view; the next `push` copies what is left and frees the rest
            self._start += drop


def _run_length(flags: np.ndarray) -> np.ndarray:
    """Count the true flags at the beginning of each row of (B, N)."""
    stopped = np.concatenate([~flags, np.ones((len(flags), 1), bool)], axis=1)
    return np.asarray(stopped.argmax(axis=1))
