"""From raw videos to a data set: `visavox prepare`, as a job and as a function."""

from __future__ import annotations

import contextlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from visavox.data.preparation.dataset_folder import DatasetFolder, SourceRecord
from visavox.data.preparation.prepare_source import DiskFailure, SourceTask, prepare_source, use_one_thread
from visavox.data.preparation.report import PreparationReport
from visavox.data.preparation.settings import ClipSettings, SplitSettings, split_of, validation_speakers
from visavox.data.preparation.source_tables import TableLag, read_lags, read_speakers
from visavox.data.preparation.sources import Discovery, Layout, Source, find_sources
from visavox.errors import InputError
from visavox.face.track.tracker import open_tracker
from visavox.progress import QUIET, Bar, Progress
from visavox.runtime.job import Job
from visavox.runtime.ranges import Range, check_ranges
from visavox.runtime.worker_pool import Event, default_workers, run_tasks
from visavox.types import PathLike

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrepareSettings:
    """Everything that can be chosen about a preparation."""

    clips: ClipSettings = field(default_factory=ClipSettings)
    """Settings that decide the content of clips."""
    split: SplitSettings = field(default_factory=SplitSettings)
    """Division of clips into training and validation; can change from run to run."""
    layout: Layout = "auto"
    """Layout of the paths, which tell speaker and split."""
    lags: str | None = None
    """CSV with the columns file, av_lag_s and, if wanted, av_best (seconds; negative: the audio comes late)."""
    speakers: str | None = None
    """CSV with the columns file and speaker."""
    workers: Annotated[int | None, Range(0, 256, lowest="none but this process", name="the number of workers")] = None
    """Processes; None: one for each core, at most 8; 0: this very process."""
    redo: bool = False
    """Prepare everything again, also what is finished; needed when the settings of clips change."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        check_ranges(self)


@dataclass(frozen=True)
class PreparationRequest:
    """A preparation that passed its checks."""

    folder: DatasetFolder
    """Folder of the data set."""
    settings: PrepareSettings
    """Settings of the preparation."""
    discovery: Discovery
    """The videos."""
    lags: dict[str, TableLag]
    """Path of a video -> its lag; those that no table knows are missing."""
    speakers: dict[str, str]
    """Path of a video -> its speaker; those that no table knows are missing."""


class PreparationJob(Job[PreparationReport]):
    """A preparation that passed its checks.

    A job that was cancelled has kept every video that was finished, and wrote manifest and report for them; another
    job with the same folder goes on from there.
    """

    def __init__(self, request: PreparationRequest) -> None:
        self.settings = request.settings
        self._request = request

    def _work(self, progress: Progress) -> PreparationReport:
        folder = self._request.folder
        with folder.locked():
            folder.open(self.settings.clips, self.settings.redo)
            run = _Run(self._request)
            run.work(progress)
        return run.report


def check_preparation(
    sources: Sequence[PathLike], output: PathLike, settings: PrepareSettings | None = None
) -> PreparationJob:
    """Check everything about a preparation that can be known before the work, and return it as a job.

    Args:
        sources: folders (searched with all below them) and video files.
        output: folder of the data set, new or made by an earlier run with the same clip settings.
        settings: see `PrepareSettings`.

    Returns:
        the job; nothing was written yet.

    Raises:
        InputError: sources, tables or output cannot be used.
    """
    settings = settings or PrepareSettings()
    folder = DatasetFolder(output)
    discovery = find_sources(sources, settings.layout)
    lags, speakers = _read_tables(discovery.sources, settings)
    folder.check(settings.clips, settings.redo)
    return PreparationJob(PreparationRequest(folder, settings, discovery, lags, speakers))


def prepare(
    sources: Sequence[PathLike],
    output: PathLike,
    settings: PrepareSettings | None = None,
    *,
    progress: Progress = QUIET,
) -> PreparationReport:
    """Turn raw videos into clips to train on.

    Each clip shows one face in one shot at 25 frames a second, with its audio at 16 kHz. A run that was interrupted
    goes on where it stopped; a run on a data set that exists adds to it. Where videos are worked on by several
    processes, a script must call this under `if __name__ == "__main__":`.

    Args:
        sources: folders (searched with all below them) and video files.
        output: folder of the data set, new or made by an earlier run with the same clip settings.
        settings: see `PrepareSettings`.
        progress: takes the events, and may cancel the work.

    Returns:
        what was kept and dropped, and why; also written to `report.json` in the data set.

    Raises:
        InputError: sources, tables or output cannot be used, the disk is full, or not one clip came out.
    """
    return check_preparation(sources, output, settings).run(progress=progress)


class _Run:
    """One run over the videos of a data set."""

    def __init__(self, request: PreparationRequest) -> None:
        self.folder, self.settings, self.discovery = request.folder, request.settings, request.discovery
        self.lags = request.lags
        self.records = self.folder.load_records()
        self.places = self._place(request.speakers)
        self.pending = [source for source in self.discovery.sources if not self._is_finished(source)]
        self.report = self._make_report(is_complete=False)

    def work(self, progress: Progress) -> None:
        """Prepare what is not finished; the manifest and the report are written whatever happens."""
        self._move_finished()
        try:
            if self.pending:
                open_tracker(1).close()  # that there is no tracker is to be said once, and now
                self._prepare_pending(progress)
        except BaseException:
            with contextlib.suppress(OSError):  # a full disk is told of already
                self.records |= self.folder.load_records()  # a worker may have finished a video and not been heard yet
                self._write_summary(is_complete=False)
            raise
        self._write_summary(is_complete=True)
        self.folder.remove_orphans(self.records.values())
        if not self.report.num_clips:
            raise InputError(self._nothing_left())

    def _write_summary(self, is_complete: bool) -> None:
        self.folder.remove_leftovers()
        self.report = self._make_report(is_complete)
        self.folder.write_manifest(self.records.values())
        self.folder.write_report(self.report.as_dict())

    def _place(self, speakers: dict[str, str]) -> dict[str, tuple[str, str]]:
        """Decide speaker and split of every source, by path."""
        names = {source.path: speakers.get(source.path, source.speaker) for source in self.discovery.sources}
        known = {record.speaker for record in self.records.values()}
        held_out = validation_speakers({*names.values(), *known}, self.settings.split)
        return {
            source.path: (name, split_of(name, source.split, held_out, self.settings.split))
            for source in self.discovery.sources
            for name in (names[source.path],)
        }

    def _is_finished(self, source: Source) -> bool:
        record = self.records.get(source.clip_name)
        return self.folder.is_finished(record, source, self.lags.get(source.path))

    def _move_finished(self) -> None:
        """Write the speaker and split of this run into the records of videos that need no work."""
        pending = {source.path for source in self.pending}
        for source in self.discovery.sources:
            record = self.records.get(source.clip_name)
            if record is None or source.path in pending:
                continue
            placed = record.placed(*self.places[source.path])
            if placed != record:
                self.folder.update_record(placed)
                self.records[source.clip_name] = placed

    def _prepare_pending(self, progress: Progress) -> None:
        tasks = [self._task(source) for source in self.pending]
        workers = default_workers() if self.settings.workers is None else self.settings.workers
        work = _Work(self.pending)
        with progress.bar("preparing", work.total, "kB") as bar:
            events = run_tasks(prepare_source, tasks, workers, use_one_thread, progress)
            try:
                for event in events:
                    work.show(event, bar)
                    if event.kind != "progress":
                        self._take(event, tasks[event.index])
            finally:
                events.close()  # ends the processes now, not whenever the garbage is collected

    def _task(self, source: Source) -> SourceTask:
        speaker, split = self.places[source.path]
        lag = self.lags.get(source.path)
        clips, records = str(self.folder.clips), str(self.folder.records)
        return SourceTask(source, speaker, split, lag, clips, records, self.settings.clips)

    def _take(self, event: Event, task: SourceTask) -> None:
        """Note the outcome of one video."""
        result: Any = event.value
        if isinstance(result, DiskFailure):
            raise InputError(
                f"{self.folder.path} cannot be written any more: {result.message}; make room and give the same command "
                "again, it goes on from here"
            )
        if event.kind == "crashed":
            result = SourceRecord(
                name=task.source.name,
                clip_name=task.source.clip_name,
                fingerprint="",
                num_bytes=task.source.num_bytes,
                modified=0,
                table_lag=None,
                status="broken",
                message=f"decoding it crashed: {result}",
                speaker=task.speaker,
                split=task.split,
            )
            self.folder.update_record(result)
        if result.status == "broken":
            logger.info("%s: %s", result.name, result.message)
        self.records[result.clip_name] = result

    def _make_report(self, is_complete: bool) -> PreparationReport:
        records = tuple(sorted(self.records.values(), key=lambda record: record.name))
        return PreparationReport(
            dataset=str(self.folder.path),
            settings=self.settings.clips,
            records=records,
            num_skipped=len(self.discovery.sources) - len(self.pending),
            duplicates=tuple(self.discovery.duplicates),
            notes=tuple(_notes(records, self.discovery, self.settings)),
            is_complete=is_complete,
        )

    def _nothing_left(self) -> str:
        """Say why not one clip came out."""
        report = self.report.as_dict()
        reasons = [f"{one['sources']} x {reason}" for reason, one in list(report["dropped"].items())[:3]]
        broken = report["broken"]
        if broken:
            reasons.append(f"{len(broken)} could not be used, such as {broken[0]['source']}: {broken[0]['message']}")
        return (
            f"none of the {len(self.records)} videos gave a clip ({'; '.join(reasons)}); {self.folder.report} has the "
            "details, `visavox prepare --help` the limits."
        )


class _Work:
    """Progress in kilobytes of video, so that the bar moves and its ETA holds for few long videos and many short."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sizes = [max(1, source.num_bytes // 1000) for source in sources]
        self._shown = [0] * len(sources)
        self._finished = 0
        self.total = sum(self._sizes)

    def show(self, event: Event, bar: Bar) -> None:
        """Advance the bar by what an event says was done."""
        share = event.value if event.kind == "progress" else 1.0
        done = int(self._sizes[event.index] * share)
        bar.update(done - self._shown[event.index])
        self._shown[event.index] = done
        if event.kind != "progress":
            self._finished += 1
            bar.note(f"{self._finished} of {len(self._sizes)} videos")


def _read_tables(sources: list[Source], settings: PrepareSettings) -> tuple[dict[str, TableLag], dict[str, str]]:
    lags = read_lags(settings.lags).match(sources) if settings.lags else {}
    speakers = read_speakers(settings.speakers).match(sources) if settings.speakers else {}
    return lags, speakers


def _notes(records: Sequence[SourceRecord], discovery: Discovery, settings: PrepareSettings) -> list[str]:
    """Say what a user should know before training on the data set."""
    notes = []
    splits: dict[str, set[str]] = defaultdict(set)
    for record in records:
        if record.clips:
            splits[record.speaker].add(record.split)
    mixed = sorted(speaker for speaker, names in splits.items() if {"train", "validation"} <= names)
    if mixed:
        notes.append(f"{len(mixed)} speakers are both trained on and validated with, such as {mixed[0]}")
    present = {name for names in splits.values() for name in names}
    if present and "validation" not in present and settings.split.rule != "train":
        notes.append("no clip is kept for validation; name speakers with --validation-speakers")
    if discovery.unknown_speakers and not settings.speakers and settings.split.rule in ("auto", "speaker"):
        notes.append(
            f"{discovery.unknown_speakers} videos tell no speaker and count as one each; if they show the same people, "
            "give --speakers, or validation will see faces of the training"
        )
    if discovery.outside_layout:
        notes.append(f"{discovery.outside_layout} videos do not fit the layout and were left out")
    return notes
