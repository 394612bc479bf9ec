"""Measure one dubbed video against the true recording: reads both once, fills a Report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from visavox.errors import InputError
from visavox.evaluation.expert_sync import LoadedExpert, load_expert, score_video
from visavox.evaluation.face_judges import FaceJudges
from visavox.evaluation.lip_sync_error import lip_sync_error, load_syncnet
from visavox.evaluation.pairing import frame_rate, pair_times
from visavox.evaluation.picture_pass import PictureFigures, heads_coincide, measure_pictures
from visavox.evaluation.report import Curves, Report
from visavox.evaluation.track_cache import TrackCache
from visavox.face.geometry.landmarks import mouth_opening, mouth_width
from visavox.metrics.curves import MAXIMUM_LAG, compare_curves
from visavox.metrics.landmark import landmark_distance
from visavox.metrics.silence import SilenceMotion, silence_motion
from visavox.metrics.sync import LipSyncError, SyncScore
from visavox.models.sync.syncnet import SyncNet
from visavox.progress import QUIET, Progress
from visavox.types import PathLike, Track


@dataclass(frozen=True)
class EvaluationSettings:
    """What is measured, and how."""

    face: str = "largest"
    """Which face of both videos: largest, leftmost, rightmost or a number."""
    maximum_lag: int = MAXIMUM_LAG
    """Lags of the mouth that are tried, in frames to either side."""
    minimum_silence: float = 0.3
    """Shortest silence in which the mouth must rest, seconds."""
    silence_margin: float = 0.1
    """Seconds at both ends of a silence that are not judged."""
    pictures: bool = True
    """Measure PSNR, SSIM, sharpness, flicker and the outside too; without them only landmarks and sound count."""
    codec_loss: bool = True
    """Encode the source once more to learn what the codec alone changes outside the repainted region."""
    always_align: bool = False
    """Move the dubbed face onto the true one for PSNR and SSIM even where the heads nearly coincide: figures of two
    dubs of a backward video compare only if both were taken in the same way."""


def evaluate(
    dubbed: PathLike,
    truth: PathLike,
    *,
    audio: PathLike | None = None,
    true_audio: PathLike | None = None,
    source: PathLike | None = None,
    expert: PathLike | LoadedExpert | None = None,
    sync_model: PathLike | SyncNet | None = None,
    settings: EvaluationSettings | None = None,
    tracks: TrackCache | None = None,
    face_judges: FaceJudges | None = None,
    progress: Progress = QUIET,
) -> Report:
    """Measure a dubbed video against a recording of the same person saying the same words.

    Frames are paired by presentation time; figures of the curves are of the dubbed video's frames.

    Args:
        dubbed: the video to judge.
        truth: the recording.
        audio: the speech that the mouth should follow; None: the dubbed video's own sound. Its first sample is
            heard with the first frame.
        true_audio: the recording's own speech for its sync figures, if its soundtrack is not in sync; None: its
            soundtrack.
        source: the video that was dubbed, for the pixels outside the repainted region; None: the truth, if the
            head does the same in both.
        expert: weights file or name of an expert (or one that `load_expert` has loaded) for expert-D and expert-C;
            None leaves them out.
        sync_model: converted file of the published SyncNet (or one that `load_syncnet` has loaded) for LSE-D and
            LSE-C; None leaves them out.
        settings: what is measured.
        tracks: where landmarks of recordings and sources are kept (not of dubbed videos); None tracks anew.
        face_judges: networks that judge the picture of the face, as `load_face_judges` gives them; None leaves LPIPS,
            FID, CPBD and identity out.
        progress: bars for tracking and measuring.

    Returns:
        The figures, with the curves that they came from.

    Raises:
        InputError: a file cannot be used, shows no face, or the videos share no frame with a face in both.
    """
    settings = settings or EvaluationSettings()
    _check_judges(face_judges, settings)
    loaded, syncnet = _sync_judges(expert, sync_model)
    sound, true_sound = _check_inputs(dubbed, truth, audio, true_audio, source)
    tracks = tracks or TrackCache(None)
    dubbed_track = tracks.track(dubbed, settings.face, progress, keep=False)
    true_track = tracks.track(truth, settings.face, progress)
    partners, both = _pair(dubbed, dubbed_track, truth, true_track)
    curves = _curves(dubbed_track, true_track, partners)
    distances = landmark_distance(dubbed_track.landmarks[both], true_track.landmarks[partners[both]])
    videos = (dubbed, dubbed_track), (truth, true_track)
    pictures = _pictures(*videos, source, partners, settings, tracks, face_judges, progress)
    return Report(
        dubbed=str(dubbed),
        truth=str(truth),
        num_frames=int((partners >= 0).sum()),
        num_compared=int(both.sum()),
        frame_rate=frame_rate(dubbed_track.times),
        opening=compare_curves(curves.opening, curves.true_opening, settings.maximum_lag),
        width=compare_curves(curves.width, curves.true_width, settings.maximum_lag),
        landmark_distance=float(np.nanmean(distances)),
        psnr=pictures.psnr,
        ssim=pictures.ssim,
        aligned=pictures.aligned,
        sharpness=pictures.sharpness,
        flicker=pictures.flicker,
        outside=pictures.outside,
        face=pictures.face,
        features=pictures.features,
        not_measured={} if face_judges is None else face_judges.not_measured,
        silence=_silence(sound, curves, settings),
        expert_sync=_expert_sync(loaded, dubbed, dubbed_track, sound, progress),
        true_expert_sync=_expert_sync(loaded, truth, true_track, true_sound, progress),
        lse=_lse(syncnet, dubbed, dubbed_track, sound, progress),
        true_lse=_lse(syncnet, truth, true_track, true_sound, progress),
        curves=curves,
    )


def _check_judges(face_judges: FaceJudges | None, settings: EvaluationSettings) -> None:
    if face_judges is not None and not settings.pictures:
        raise InputError("LPIPS, FID, CPBD and identity are measured on pictures; leave out --without-pictures")


def _sync_judges(
    expert: PathLike | LoadedExpert | None, sync_model: PathLike | SyncNet | None
) -> tuple[LoadedExpert | None, SyncNet | None]:
    """Load what is not loaded yet."""
    loaded = expert if isinstance(expert, LoadedExpert) or expert is None else load_expert(expert)
    syncnet = sync_model if isinstance(sync_model, SyncNet) or sync_model is None else load_syncnet(sync_model)
    return loaded, syncnet


def _pair(dubbed: PathLike, dubbed_track: Track, truth: PathLike, true_track: Track) -> tuple[np.ndarray, np.ndarray]:
    """Find the true frame of each dubbed frame, int64 (T,), -1 for none, and where both show the face, bool (T,)."""
    partners = pair_times(dubbed_track.times, true_track.times)
    both = (partners >= 0) & dubbed_track.usable & true_track.usable[partners]
    if not both.any():
        raise InputError(f"{dubbed} and {truth} share no frame with a face in both; are they of one recording?")
    return partners, both


def _pictures(
    dubbed: tuple[PathLike, Track],
    true: tuple[PathLike, Track],
    source: PathLike | None,
    partners: np.ndarray,
    settings: EvaluationSettings,
    tracks: TrackCache,
    judges: FaceJudges | None,
    progress: Progress,
) -> PictureFigures:
    """Measure the pictures, if that is wanted.

    The source is the truth itself where none is given and the head does the same in both.
    """
    if not settings.pictures:
        return PictureFigures()
    original: tuple[PathLike | None, Track | None] = (None, None)
    if source is not None:
        original = (source, tracks.track(source, settings.face, progress))
    elif heads_coincide(dubbed[1], true[1], partners):
        original = true
    return measure_pictures(
        dubbed, true, original, partners, settings.codec_loss, settings.always_align, progress, judges
    )


def _check_inputs(
    dubbed: PathLike,
    truth: PathLike,
    audio: PathLike | None,
    true_audio: PathLike | None,
    source: PathLike | None,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Open everything before the work starts; return the driving and the true sound (16 kHz; None: silent)."""
    from visavox.media import probe

    infos = [probe(path) for path in (dubbed, truth)]
    for path, info in zip((dubbed, truth), infos, strict=True):
        if info.is_still:
            raise InputError(f"{path} is a still picture; a mouth that moves is measured in a video")
    if source is not None:
        probe(source)
    return driving_sound(dubbed, audio), driving_sound(truth, true_audio)


def driving_sound(dubbed: PathLike, audio: PathLike | None) -> np.ndarray | None:
    """Read the speech that a mouth should follow: float32 (N,), 16 kHz; None if there is none."""
    from visavox.media import probe, read_audio

    if audio is not None:
        return read_audio(audio)
    return read_audio(dubbed) if probe(dubbed).has_audio else None


def track_curve(track: Track, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Measure the mouth of every frame of a track: float64 (T,), NaN where the face is not usable."""
    values = measure(track.landmarks).astype(np.float64)
    return np.where(track.usable, values, np.nan)


def _curves(dubbed: Track, true: Track, partners: np.ndarray) -> Curves:
    """Pick the paired frames of both tracks."""
    paired = np.flatnonzero(partners >= 0)
    chosen = partners[paired]
    return Curves(
        times=np.array([float(dubbed.times[index]) for index in paired]),
        opening=track_curve(dubbed, mouth_opening)[paired],
        true_opening=track_curve(true, mouth_opening)[chosen],
        width=track_curve(dubbed, mouth_width)[paired],
        true_width=track_curve(true, mouth_width)[chosen],
    )


def _silence(sound: np.ndarray | None, curves: Curves, settings: EvaluationSettings) -> SilenceMotion | None:
    if sound is None:
        return None
    from visavox.audio.silence import find_silence

    silences = find_silence(sound, settings.minimum_silence)
    return silence_motion(curves.opening, curves.times, silences, settings.silence_margin, curves.true_opening)


def _expert_sync(
    expert: LoadedExpert | None, path: PathLike, track: Track, sound: np.ndarray | None, progress: Progress
) -> SyncScore | None:
    if expert is None or sound is None:
        return None
    return score_video(expert, path, track, sound, progress)


def _lse(
    syncnet: SyncNet | None, path: PathLike, track: Track, sound: np.ndarray | None, progress: Progress
) -> LipSyncError | None:
    if syncnet is None or sound is None:
        return None
    return lip_sync_error(syncnet, path, track, sound, progress)
