"""Contact sheet of docs/results.md: a few faces as they were, as each model generates them, as they truly were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.clips import Clip
from benchmarks.results.job import MOUTH_LEFT, TRUE_FRAMES, Bench, Subject
from visavox.evaluation.face_tiles import beside, face_tiles, jpeg_bytes, label_rows, telling_times
from visavox.face.geometry.landmarks import mouth_opening
from visavox.metrics.pair import track_curve
from visavox.runtime.files import write_whole

TILE = 120
"""Side of one face, pixels."""


def draw_sheet(bench: Bench, subjects: Sequence[Subject], clips: Sequence[Clip], output: Path) -> None:
    """Draw clips in rows: source, models, truth, each at the moments when the true mouth is closed, half open and open.

    Args:
        bench: where the videos are; all of them were made.
        subjects: who is shown, in this order; the baselines are put first (source) and last (truth).
        clips: which clips.
        output: the image (.jpg).
    """
    by_name = {subject.name: subject for subject in subjects}
    shown = [("source", by_name[MOUTH_LEFT])]
    shown += [(subject.name, subject) for subject in subjects if subject.model is not None]
    shown.append(("truth", by_name[TRUE_FRAMES]))
    rows = [row for clip in clips if (row := _draw_row(bench, shown, clip)) is not None]
    image = np.concatenate(rows) if rows else np.full((TILE, TILE, 3), 255, np.uint8)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, jpeg_bytes(image))


def sheet_clips(clips: Sequence[Clip], number: int) -> list[Clip]:
    """Choose the clips to show: the first of each group, then the second of each, until there are enough."""
    ranks: dict[str, int] = {}
    ranked = []
    for clip in clips:
        ranks[clip.group] = ranks.get(clip.group, -1) + 1
        ranked.append((ranks[clip.group], clip.group, clip.name, clip))
    return [clip for *_, clip in sorted(ranked, key=lambda each: each[:3])[:number]]


def _draw_row(bench: Bench, shown: Sequence[tuple[str, Subject]], clip: Clip) -> np.ndarray | None:
    truth = bench.tracks.track(clip.path)
    times = telling_times(truth.times, track_curve(truth, mouth_opening))
    if not times:
        return None
    sheets = []
    for name, subject in shown:
        video = bench.video(subject, clip, "same")
        # A dub leaves the head where it was: the backward video's landmarks fit all of them.
        place = clip.path if subject.name == TRUE_FRAMES else bench.work / "backwards" / f"{clip.name}.mp4"
        sheets.append(label_rows([(name, face_tiles(video, bench.tracks.track(place), times, TILE))]))
    return beside(sheets)
