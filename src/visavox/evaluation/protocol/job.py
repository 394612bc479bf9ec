"""A run over a test set: `visavox evaluate --protocol`, as a job and as a function."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import visavox
from visavox.data.preparation import use_one_thread
from visavox.dubbing.checks import check_model
from visavox.errors import InputError
from visavox.evaluation.job import prepare_metrics
from visavox.evaluation.protocol.pair_list import Corpus, Pair, read_pairs
from visavox.evaluation.protocol.pair_work import PairTask, RecordFailure, do_pair, load_metrics
from visavox.evaluation.protocol.results_folder import (
    PairRecord,
    ResultsFolder,
    feature_names,
    file_states,
    set_values,
    write_pair_record,
)
from visavox.evaluation.protocol.settings import ProtocolSettings
from visavox.evaluation.protocol.summary import RunSummary
from visavox.evaluation.videos import TrackCache
from visavox.face.track import check_selection, open_tracker
from visavox.metrics import Metrics
from visavox.progress import QUIET, Progress
from visavox.runtime.files import sha256_of, write_whole
from visavox.runtime.job import Job
from visavox.runtime.page import html_page, markdown
from visavox.runtime.worker_pool import Event, default_workers, run_tasks
from visavox.types import PathLike

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Plan:
    """A run that passed its checks."""

    folder: ResultsFolder
    pairs: tuple[Pair, ...]
    content: dict[str, Any]
    """All that the values depend on."""
    metrics: Metrics
    """All that were asked for, by name."""
    missing: Mapping[str, str]
    """Values that cannot be measured at all: name -> the reason."""
    title: str
    facts: tuple[str, ...]


class ProtocolJob(Job[RunSummary]):
    """A run over a test set that passed its checks.

    A job that was cancelled has kept every pair that was finished, and wrote the table of the pairs; another job with
    the same folder goes on from there.
    """

    def __init__(self, plan: _Plan, settings: ProtocolSettings) -> None:
        """Keep what was checked.

        Args:
            plan: the run.
            settings: how it is done, with those metrics alone that can be measured.
        """
        self.settings = settings
        self._plan = plan

    def _work(self, progress: Progress) -> RunSummary:
        plan = self._plan
        with plan.folder.locked():
            plan.folder.open(plan.content, self.settings.redo)
            return _Run(plan, self.settings).work(progress)


def check_protocol(
    pairs_file: PathLike,
    root: PathLike,
    output: PathLike,
    corpus: Corpus = "folder",
    settings: ProtocolSettings | None = None,
) -> ProtocolJob:
    """Check everything about a run that can be known before the work, and return it as a job.

    Args:
        pairs_file: the list (`pair_list.read_pairs`).
        root: folder of the corpus.
        output: folder of the results, new or of an earlier run with the same settings.
        corpus: lrs2, lrs3, lrw or folder.
        settings: how pairs are dubbed and measured.

    Returns:
        the job; nothing was written yet.

    Raises:
        InputError: the list, the weights or the output cannot be used.
    """
    settings = settings or ProtocolSettings()
    _check_packages()
    pairs = read_pairs(Path(pairs_file), Path(root), corpus)
    check_model(settings.model)
    check_selection(settings.face)
    content = settings.content()
    folder = ResultsFolder(output)
    folder.check(content, settings.redo)
    missing: dict[str, str] = {}
    metrics = load_metrics(settings)
    ready = prepare_metrics(metrics, missing)
    if len(ready) < len(metrics):  # said once, here, and not by every process
        settings = replace(settings, metrics={name: settings.metrics[name] for name in ready})
    title = f"{settings.model} on {Path(pairs_file).name} ({corpus})"
    facts = _facts(Path(pairs_file), corpus, settings, content["model"])
    return ProtocolJob(_Plan(folder, tuple(pairs), content, metrics, missing, title, facts), settings)


def run_protocol(
    pairs_file: PathLike,
    root: PathLike,
    output: PathLike,
    corpus: Corpus = "folder",
    settings: ProtocolSettings | None = None,
    *,
    progress: Progress = QUIET,
) -> RunSummary:
    """Dub and measure every pair of a list; write a row for each, the means, and a report in Markdown and HTML.

    A run that was interrupted goes on where it stopped: finished pairs are not done again. A pair that cannot be done
    is a row with its reason. Where several processes work, a script must call this under
    `if __name__ == "__main__":`.

    Args:
        pairs_file: the list (`pair_list.read_pairs`).
        root: folder of the corpus.
        output: folder of the results, new or of an earlier run with the same settings.
        corpus: lrs2, lrs3, lrw or folder.
        settings: how pairs are dubbed and measured.
        progress: takes the events, and may cancel the work.

    Returns:
        what became of the pairs.

    Raises:
        InputError: the list, the weights or the output cannot be used, or the disk is full.
    """
    return check_protocol(pairs_file, root, output, corpus, settings).run(progress=progress)


class _Run:
    """One run over the pairs of a list."""

    def __init__(self, plan: _Plan, settings: ProtocolSettings) -> None:
        self.plan, self.settings = plan, settings
        self.folder, self.pairs = plan.folder, plan.pairs
        features = feature_names(load_metrics(settings))
        different = {pair.key: pair for pair in self.pairs}
        found = {key: self.folder.finished(pair, features) for key, pair in different.items()}
        self.records = {key: record for key, record in found.items() if record is not None}
        self.pending = [pair for key, pair in different.items() if key not in self.records]

    def work(self, progress: Progress) -> RunSummary:
        """Do what is not finished. The table of the pairs is written whatever happens, the reports at the end."""
        title, facts = self.plan.title, self.plan.facts
        summary = RunSummary(title, facts, self.pairs, self.records)
        try:
            if self.pending:
                open_tracker(1).close()  # that there is no tracker is to be said once, and now
                self._do_pending(progress)
        except BaseException:
            with contextlib.suppress(OSError):  # a full disk is told of already
                self.folder.remove_leftovers()
                write_whole(self.folder.table, summary.pairs_csv())
            raise
        summary = RunSummary(title, facts, self.pairs, self.records, self._pooled())
        write_whole(self.folder.table, summary.pairs_csv())
        self._write_reports(summary)
        return summary

    def _do_pending(self, progress: Progress) -> None:
        workers = default_workers() if self.settings.workers is None else self.settings.workers
        threads = 1 if workers > 1 else None
        tasks = [PairTask(pair, self.folder.path, self.settings, threads) for pair in self.pending]
        begin = use_one_thread if workers > 1 else None
        with progress.bar("dub and measure", len(self.pairs), "pair") as bar:
            bar.update(len(self.pairs) - len(self.pending))
            events = run_tasks(do_pair, tasks, workers, begin, progress)
            try:
                for event in events:
                    if event.kind != "progress":
                        self._take(event, tasks[event.index].pair)
                        bar.update(1)
            finally:
                events.close()  # ends the processes now, not whenever the garbage is collected

    def _take(self, event: Event, pair: Pair) -> None:
        """Note the outcome of one pair."""
        result: Any = event.value
        if isinstance(result, RecordFailure):
            raise InputError(
                f"{self.folder.path} cannot be written any more: {result.message}; make room and give the same command "
                "again, it goes on from here"
            )
        if event.kind == "crashed":
            result = PairRecord(pair.key, "failed", f"decoding it crashed: {result}", file_states(pair))
            write_pair_record(result, self.folder.records)
        if result.status == "failed":
            logger.info("line %d: %s", pair.line, result.reason)
        self.records[pair.key] = result

    def _pooled(self) -> dict[str, float | str]:
        """Combine what is of the whole set."""
        done = {pair.key: pair for pair in self.pairs if self.records[pair.key].status == "done"}
        if not done:
            return {}
        return set_values(self.plan.metrics, self.plan.missing, self.folder, done.values())

    def _write_reports(self, summary: RunSummary) -> None:
        blocks = summary.blocks()
        write_whole(self.folder.markdown, markdown(blocks))
        tracks = TrackCache(self.folder.tracks)
        images = summary.images(tracks, self.settings.face, self.settings.num_images)
        write_whole(self.folder.html, html_page(summary.title, [*blocks, *images]))


def _check_packages() -> None:
    """Import now what is used first after much work; a missing package has its sentence in the command line."""
    import matplotlib  # noqa: F401
    import skimage  # noqa: F401


def _facts(path: Path, corpus: Corpus, settings: ProtocolSettings, model_digest: str) -> tuple[str, ...]:
    """Say what was run with what, so that values can be compared."""
    facts = [
        f"visavox {visavox.__version__}",
        f"list {path.name} ({corpus}), SHA-256 {sha256_of(path)}",
        f"model {settings.model}, SHA-256 {model_digest}",
        *(fact for metric in load_metrics(settings).values() for fact in metric.facts()),
    ]
    if not {"expert_sync", "lip_sync_error"} & set(settings.metrics):
        facts.append("no network of sync was given, so there are no values of sync")
    if settings.extend_videos:
        facts.append("videos shorter than their audio were played back and forth")
    else:
        facts.append("pairs whose video is shorter than their audio were left out, as the published protocol does")
    return tuple(facts)
