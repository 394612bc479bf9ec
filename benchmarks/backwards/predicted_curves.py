"""Predicted lip openings scored as those of dubs are, without images: quick, for whoever trains."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from benchmarks.clips import Clip
from visavox.errors import InputError
from visavox.evaluation.videos import TrackCache
from visavox.face.geometry.landmarks import mouth_opening
from visavox.metrics.curves import CurveAgreement, compare_curves
from visavox.metrics.pair import track_curve
from visavox.progress import Progress

ScoredCurve = tuple[np.ndarray, np.ndarray, CurveAgreement]


def score_curves(file: Path, clips: list[Clip], tracks: TrackCache, progress: Progress) -> dict[str, list[ScoredCurve]]:
    """Compare predicted openings with the recordings.

    Args:
        file: .npz with one array (T,) for each clip, by its name.
        clips: the set.
        tracks: where landmarks are kept.
        progress: the bar.

    Returns:
        for each group predicted curve, true curve and their agreement, clip by clip.

    Raises:
        InputError: the file cannot be read, lacks a clip, or a curve is much longer or shorter than its clip.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            curves = {name: arrays[name].astype(np.float64).reshape(-1) for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError) as error:
        raise InputError(f"{file} is no .npz of curves ({error}); write it with numpy.savez") from error
    missing = [clip.name for clip in clips if clip.name not in curves]
    if missing:
        raise InputError(
            f"{file} lacks {len(missing)} of {len(clips)} clips, first {missing[0]}; name arrays like this"
        )
    scored: dict[str, list[ScoredCurve]] = {}
    for clip in progress.track(clips, "score curves", unit="clip"):
        true = track_curve(tracks.track(clip.path), mouth_opening)
        predicted = curves[clip.name]
        # The last window of a clip may be missing; more is a mistake.
        if abs(len(predicted) - len(true)) > 5:
            raise InputError(
                f"the curve of {clip.name} has {len(predicted)} values for {len(true)} frames; give one each"
            )
        length = min(len(predicted), len(true))
        pair = predicted[:length], true[:length]
        scored.setdefault(clip.group, []).append((*pair, compare_curves(*pair)))
    return dict(sorted(scored.items()))
