"""One pair: dub the video with the audio, and measure the result; the work of one process."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from visavox.audio.features import HOP_SIZE, MEL_FRAMES_PER_SECOND, MEL_WINDOW
from visavox.constants import FRAME_RATE
from visavox.dubbing import Dubber
from visavox.errors import Cancelled, InputError
from visavox.evaluation.job import EvaluationSettings, evaluate_pair, prepare_metrics
from visavox.evaluation.pairs import EvaluationPair
from visavox.evaluation.protocol.pair_list import Pair
from visavox.evaluation.protocol.results_folder import (
    PairRecord,
    ResultsFolder,
    feature_names,
    file_states,
    save_features,
    write_pair_record,
)
from visavox.evaluation.protocol.settings import ProtocolSettings
from visavox.evaluation.videos import TrackCache
from visavox.media import probe, read_audio
from visavox.metrics import Metrics, metric_class
from visavox.runtime.worker_pool import TaskProgress


@dataclass(frozen=True)
class PairTask:
    """Task of a worker: one pair, its settings, and the folder of its results."""

    pair: Pair
    """The pair."""
    folder: Path
    """Folder of the results."""
    settings: ProtocolSettings
    """Settings of the run."""
    threads: int | None
    """Processor threads of the generator; None lets the dub choose."""


@dataclass(frozen=True)
class RecordFailure:
    """The result of a task whose record could not be written: no other pair will fare better."""

    message: str
    """Words of the operating system."""


def do_pair(task: PairTask, report: Callable[[float], None]) -> PairRecord | RecordFailure:
    """Dub and measure one pair; write its record. Whatever is wrong with it ends up in the record.

    Args:
        task: the pair.
        report: called with the share that is done.

    Raises:
        Cancelled: `report` raised it, because the run was stopped.
    """
    record = PairRecord(task.pair.key, "failed", "", file_states(task.pair))
    features: dict[str, np.ndarray] = {}
    try:
        record, features = _dub_and_measure(task, record, report)
    except Cancelled:  # nothing is wrong with the pair: without a record, the next run does it
        raise
    except InputError as error:
        record = _with(record, "failed", str(error))
    except Exception as error:  # noqa: BLE001 - a damaged file can break any part; the others must not suffer
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        record = _with(record, "failed", f"unexpected {type(error).__name__} in {where}: {error}")
    try:
        # First: a record says that all is there.
        save_features(features, ResultsFolder(task.folder), task.pair)
        write_pair_record(record, ResultsFolder(task.folder).records)
    except OSError as error:
        return RecordFailure(f"{error.strerror} ({error.filename or task.folder})")
    return record


def load_metrics(settings: ProtocolSettings) -> Metrics:
    """Return the metrics of a run, made once in a process, so that their networks are loaded once."""
    return _make_metrics(tuple(settings.metrics.items()))


def num_published_frames(num_samples: int) -> int:
    """Frames that Wav2Lip's evaluation generates for an audio file: one for each mel window that fits in it.

    Window i begins at mel frame floor(80 i / 25) and is 16 long; one of N samples has 1 + N // 200.

    Args:
        num_samples: at 16 kHz.

    >>> num_published_frames(16_000)
    21
    """
    last_start = 1 + num_samples // HOP_SIZE - MEL_WINDOW
    return max(0, math.ceil(Fraction((last_start + 1) * FRAME_RATE, MEL_FRAMES_PER_SECOND)))


def _dub_and_measure(
    task: PairTask, record: PairRecord, report: Callable[[float], None]
) -> tuple[PairRecord, dict[str, np.ndarray]]:
    pair, settings = task.pair, task.settings
    metrics = load_metrics(settings)
    prepare_metrics(metrics, {})  # before all else: what is wrong with it is wrong with every pair
    info = probe(pair.video)
    if info.is_still:
        raise InputError(f"{pair.video} is a still image; the protocol dubs videos")
    frames = None if info.expected_frames is None else info.expected_frames * FRAME_RATE / info.frame_rate
    wanted = num_published_frames(len(read_audio(pair.audio)))
    if frames is not None and frames < wanted and not settings.extend_videos:
        seconds = f"{float(frames / FRAME_RATE):.2f} s"
        reason = f"the video ({seconds}) is shorter than the audio, as far as it would be heard"
        return _with(record, "left out", reason), {}
    folder = ResultsFolder(task.folder)
    tracks = TrackCache(folder.tracks)
    tracks.track(pair.video, settings.face, TaskProgress(report, 0.0, 0.3, info.expected_frames))
    report(0.3)
    dubbed = folder.dubbed / f"{pair.key}.mp4"
    _dubber(str(settings.model), settings.device).dub(
        pair.video,
        pair.audio,
        dubbed,
        extend="pingpong" if settings.extend_videos else "stop",
        track=tracks.file(pair.video, settings.face),
        threads=task.threads,
        overwrite=True,
        progress=TaskProgress(report, 0.3, 0.6, info.expected_frames),
    )
    report(0.6)
    measured = evaluate_pair(
        EvaluationPair(dubbed, pair.video, audio=pair.audio, source=pair.video),
        metrics,
        EvaluationSettings(face=settings.face, cache=folder.tracks),
        TaskProgress(report, 0.6, 1.0, info.expected_frames),
    )
    done = PairRecord(record.key, "done", "", record.inputs, measured.to_dict(curves=True))
    return done, {name: measured.arrays[name] for name in feature_names(metrics) if name in measured.arrays}


def _with(record: PairRecord, status: Any, reason: str) -> PairRecord:
    return PairRecord(record.key, status, reason, record.inputs)


@lru_cache(maxsize=1)
def _dubber(model: str, device: str) -> Dubber:
    return Dubber(model, device=device)


@lru_cache(maxsize=2)
def _make_metrics(selection: tuple[tuple[str, Any], ...]) -> Metrics:
    return {name: metric_class(name)(options) for name, options in selection}
