"""One video to its clips: what a worker does with each source."""

from __future__ import annotations

import errno
import logging
import math
import os
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visavox.audio.features.mel import mel_spectrogram
from visavox.constants import FRAME_RATE, SAMPLE_RATE
from visavox.data.preparation.cutting import ClipAudio, ClipCutter
from visavox.data.preparation.dataset_folder import ClipEntry, DroppedEntry, LagEntry, SourceRecord, save_record
from visavox.data.preparation.frame_grid import distances, nearest_frames
from visavox.data.preparation.lag import AppliedLag, LagMeasurement, choose_lag, measure_lag
from visavox.data.preparation.settings import ClipSettings, LagSettings
from visavox.data.preparation.source_tables import TableLag
from visavox.data.preparation.sources import Source, fingerprint
from visavox.data.preparation.stretches import (
    Dropped,
    Fault,
    GridTrack,
    Wanted,
    faceless_stretches,
    find_stretches,
    frame_faults,
    one_face_at_a_time,
)
from visavox.errors import Cancelled, InputError
from visavox.face.geometry.landmarks import mouth_opening
from visavox.face.track.tracking import track_video
from visavox.media.audio import probe_audio, read_audio
from visavox.media.info import VideoInfo, probe
from visavox.media.reader import VideoReader
from visavox.runtime.worker_pool import TaskProgress

_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_HOLE = 0.1  # seconds from a point of the grid to the nearest image
_TRACKING_SHARE = 0.8  # of the time that a video takes


@dataclass(frozen=True)
class SourceTask:
    """The task of a worker: one video and its settings."""

    source: Source
    """The video."""
    speaker: str
    """The speaker."""
    split: str
    """Split that its clips belong to."""
    table_lag: TableLag | None
    """Its lag, as a table gives it."""
    clips_folder: str
    """Folder of the clips."""
    records_folder: str
    """Folder of the record."""
    settings: ClipSettings
    """Settings that decide the content of clips."""


@dataclass(frozen=True)
class DiskFailure:
    """The result of a task that could not write: nothing is wrong with its video, but no other will fare better."""

    message: str
    """Words of the operating system."""


def prepare_source(task: SourceTask, report: Callable[[float], None]) -> SourceRecord | DiskFailure:
    """Prepare one video: write its clips, then its record.

    Whatever is wrong with the video ends up in the record.

    Args:
        task: the video.
        report: called now and then with the share that is done.

    Raises:
        Cancelled: `report` raised it, because the run was stopped.
    """
    base = _blank_record(task)
    with _remarks() as remarks:
        try:
            record = _prepare(task, base, report)
        except Cancelled:  # nothing is wrong with the video: without a record, the next run prepares it
            raise
        except InputError as error:
            record = base.broken(_without_path(str(error), task.source.path))
        except OSError as error:
            if error.errno in _DISK_ERRORS:
                return DiskFailure(f"{error.strerror} ({error.filename or task.clips_folder})")
            record = base.broken(f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - a damaged file can break any part; the others must not suffer
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}, line {place.lineno}"
            record = base.broken(f"unexpected {type(error).__name__} in {where}: {error}")
    record = record.with_remarks(tuple(_without_path(remark, task.source.path) for remark in remarks))
    try:
        save_record(record, Path(task.records_folder))
    except OSError as error:
        return DiskFailure(f"{error.strerror} ({error.filename or task.records_folder})")
    return record


def use_one_thread() -> None:
    """Keep a process that shares the cores with others like it from starting a thread for each core."""
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _prepare(task: SourceTask, base: SourceRecord, report: Callable[[float], None]) -> SourceRecord:
    settings, path = task.settings, task.source.path
    info = probe(path)
    if info.is_still:
        raise InputError("it is a still image, not a video")
    if info.frame_rate < settings.quality.minimum_frame_rate:
        return _all_dropped(base, info, Fault.LOW_RATE, float(info.frame_rate))
    if not info.has_audio:
        return _all_dropped(base, info, Fault.NO_AUDIO, None)
    waveform = read_audio(path)
    mel = mel_spectrogram(waveform).numpy()
    follow = TaskProgress(report, 0.0, _TRACKING_SHARE, info.expected_frames)
    tracks = track_video(path, max_faces=settings.max_faces, progress=follow)
    if not tracks:
        return _all_dropped(base, info, Fault.NO_FACE, None)
    indices = nearest_frames(tracks[0].times, info.frame_rate)
    grids = [GridTrack.of(track, indices) for track in tracks]
    begin = max(0.0, float(probe_audio(path).start))
    lag = _find_lag(task, grids, indices, mel, (begin, len(waveform) / SAMPLE_RATE))
    audio_span = (begin, len(waveform) / SAMPLE_RATE)
    wanted, dropped = _choose(grids, indices, audio_span, lag.seconds, settings)
    wanted, others = one_face_at_a_time(wanted, mel, lag.seconds)
    audio = ClipAudio(waveform, mel, lag.seconds)
    folder = Path(task.clips_folder)
    cutter = ClipCutter(settings.size, settings.quality, audio, folder, task.source.clip_name)
    follow = TaskProgress(report, _TRACKING_SHARE, 1.0, info.expected_frames)
    with VideoReader(path) as reader, follow.bar("cutting", info.expected_frames) as bar:
        cutter.cut(reader, wanted, bar.update)
    lost = [one for one in dropped + cutter.dropped if not _is_made_up_for(one, cutter.clips)]
    all_dropped = sorted(lost + others, key=lambda one: (one.start, one.face or 0))
    return base.done(
        seconds=len(indices) / FRAME_RATE,
        frame_rate=float(info.frame_rate),
        lag=_lag_entry(lag),
        clips=tuple(cutter.clips),
        dropped=tuple(DroppedEntry.of(one) for one in all_dropped),
    )


def _choose(
    grids: list[GridTrack], indices: np.ndarray, audio: tuple[float, float], lag: float, settings: ClipSettings
) -> tuple[Wanted, list[Dropped]]:
    """Find the stretches of all faces that are worth cutting out, given where there is audio."""
    first = math.ceil(round((audio[0] + lag) * FRAME_RATE, 6))
    # The last image may lack up to half of its audio: files often end so.
    last = math.floor(round((audio[1] + lag) * FRAME_RATE + 0.5, 6))
    is_hole = distances(grids[0].track.times, indices) > _HOLE
    wanted: Wanted = []
    dropped: list[Dropped] = []
    faults = []
    for grid in grids:
        faults.append(frame_faults(grid, is_hole, (first, last), settings.quality))
        kept, lost = find_stretches(grid, faults[-1], settings.quality)
        wanted += [(grid, stretch) for stretch in kept]
        dropped += lost
    return wanted, dropped + faceless_stretches(faults, len(indices))


def _is_made_up_for(dropped: Dropped, clips: list[ClipEntry]) -> bool:
    """Return True if clips of another face show at least half of a dropped stretch: the background is no loss."""
    shown = 0
    for clip in clips:
        start = round(clip.start * FRAME_RATE)
        shown += max(0, min(start + clip.num_frames, dropped.stop) - max(start, dropped.start))
    return 2 * shown >= dropped.stop - dropped.start


def _find_lag(
    task: SourceTask, grids: list[GridTrack], indices: np.ndarray, mel: np.ndarray, audio: tuple[float, float]
) -> AppliedLag:
    """Decide by how much the audio of a video is moved."""
    settings: LagSettings = task.settings.lag
    measurement: LagMeasurement | None = None
    if settings.measure:
        wanted, _ = _choose(grids, indices, audio, 0.0, task.settings)
        for grid in grids:
            stretches = [stretch for owner, stretch in wanted if owner is grid]
            openings = [(one.start, mouth_opening(grid.landmarks[one.start : one.stop])) for one in stretches]
            found = measure_lag(mel, openings, settings.largest) if openings else None
            if found is not None and (measurement is None or found.confidence > measurement.confidence):
                measurement = found
    table = None if task.table_lag is None else (task.table_lag.seconds, task.table_lag.score)
    return choose_lag(table, measurement, settings)


def _lag_entry(lag: AppliedLag) -> LagEntry:
    measured = lag.measurement
    if measured is None:
        return LagEntry(round(lag.seconds, 4), lag.source)
    values = (round(value, 4) for value in (measured.seconds, measured.correlation, measured.confidence))
    return LagEntry(round(lag.seconds, 4), lag.source, *values)


def _blank_record(task: SourceTask) -> SourceRecord:
    table = task.table_lag
    try:
        mark, modified = fingerprint(task.source.path), os.stat(task.source.path).st_mtime_ns
    except OSError:  # it cannot be read: what follows will say why
        mark, modified = "", 0
    return SourceRecord(
        name=task.source.name,
        clip_name=task.source.clip_name,
        fingerprint=mark,
        num_bytes=task.source.num_bytes,
        modified=modified,
        table_lag=None if table is None else (table.seconds, table.score),
        status="broken",
        speaker=task.speaker,
        split=task.split,
    )


def _all_dropped(base: SourceRecord, info: VideoInfo, fault: Fault, value: float | None) -> SourceRecord:
    seconds = float(info.duration or 0)
    dropped = DroppedEntry(0.0, seconds, str(fault), value)
    return base.done(seconds=seconds, frame_rate=float(info.frame_rate), dropped=(dropped,))


def _without_path(text: str, path: str) -> str:
    """Shorten a message that names the file: the record names it already."""
    for prefix in (f"{path}: ", f"{path} "):
        text = text.removeprefix(prefix)
    return text.replace(path, "it")


@contextmanager
def _remarks() -> Iterator[list[str]]:
    """Collect what visavox warns of while a video is prepared, instead of writing across the progress bar."""
    collected: list[str] = []

    class _Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            collected.append(record.getMessage())

    logger = logging.getLogger("visavox")
    collector = _Collector(logging.WARNING)
    handlers, propagates = logger.handlers[:], logger.propagate
    logger.handlers, logger.propagate = [collector], False
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            yield collected
        collected += [str(warning.message) for warning in caught if warning.category is UserWarning]
    finally:
        logger.handlers, logger.propagate = handlers, propagates
