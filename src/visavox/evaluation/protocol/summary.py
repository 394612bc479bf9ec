"""Summary of a run over a test set: means without what foreign words make meaningless, tables, and its report."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from visavox.evaluation.face_tiles import beside, face_tiles, jpeg_bytes, label_rows, telling_times
from visavox.evaluation.plot import plot_opening
from visavox.evaluation.protocol.pair_list import Pair
from visavox.evaluation.protocol.results_folder import PairRecord
from visavox.evaluation.report import Report, cells, plain, shown_infos, summarise
from visavox.evaluation.videos import TrackCache
from visavox.metrics import metric_infos
from visavox.runtime.page import Block, Heading, InlineImage, Listing, Paragraph, Table

_SHOWN_REASONS = 20
"""Pairs that were not done that the report names; the table of the pairs has them all."""

_EXPLANATION = (
    'Every video was dubbed with the audio of its pair and measured. "Other audio" are the pairs whose audio is that '
    "of another video: there is no recording of these words by this face, so values that compare with one are left "
    'out. "Own audio" are videos that speak their own words. "Real videos" are the videos as they are, with their own '
    "audio, each counted once: a perfect dub would be as much in sync as they are. Sharpness, flicker and the outside "
    "compare with the video that was dubbed."
)


@dataclass(frozen=True)
class RunSummary:
    """A run over a list."""

    title: str
    """Such as `wav2lip on lrs2`."""
    facts: tuple[str, ...]
    """Facts of the run: list, weights, versions."""
    pairs: tuple[Pair, ...]
    """The list."""
    records: Mapping[str, PairRecord]
    """Record of each pair, by `Pair.key`; those that are not there were not reached."""
    pooled: Mapping[str, float | str] = field(default_factory=dict)
    """Values of the whole set, such as FID: a number, or why there is none."""

    @property
    def rows(self) -> list[tuple[str, Values]]:
        """Means, for `evaluation.report.format_table`."""
        return summary_rows(self.pairs, self.records)

    @property
    def counts(self) -> dict[str, int]:
        """Pairs of the list by what became of them."""
        return dict(Counter(self._status(pair)[0] for pair in self.pairs))

    def to_json(self) -> dict[str, Any]:
        """Return means, values of the whole set and counts as JSON values."""
        written: dict[str, Any] = plain({"pairs": self.counts, "means": dict(self.rows), "pooled": dict(self.pooled)})
        return written

    def pairs_csv(self) -> str:
        """Write the table of the pairs: a row for each, in the order of the list, with every value there is."""
        values: dict[str, Values] = {}
        for pair in self.pairs:
            record = self.records.get(pair.key)
            report = record.load_report() if record else None
            values[pair.key] = pair_values(report, pair.is_own_audio) if report else {}
        names = value_names(list(values.values()))
        file = io.StringIO()
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["line", "audio", "video", "status", "reason", *names])
        for pair in self.pairs:
            numbers = [_number(values[pair.key].get(name)) for name in names]
            table.writerow([pair.line, pair.audio_name, pair.video_name, *self._status(pair), *numbers])
        return file.getvalue()

    def blocks(self) -> list[Block]:
        """Compose the report, without its images."""
        counts = ", ".join(f"{number} {status}" for status, number in self.counts.items())
        blocks: list[Block] = [Heading(self.title, 1), Listing(self.facts), Paragraph(f"Pairs: {counts}.")]
        rows = self.rows
        if rows:
            blocks += [Heading("Means"), _means_table(rows), Paragraph(_EXPLANATION)]
        if self.pooled:
            pooled = tuple(
                (name, value if isinstance(value, str) else f"{value:.3f}") for name, value in self.pooled.items()
            )
            blocks += [Heading("Of the whole set"), Table(("metric", "value"), pooled)]
        missing = [(pair, *self._status(pair)) for pair in self.pairs if self._status(pair)[0] != "done"]
        if missing:
            named = [f"line {pair.line}, {status}: {reason}" for pair, status, reason in missing[:_SHOWN_REASONS]]
            if len(missing) > len(named):
                named.append(f"and {len(missing) - len(named)} more, see pairs.csv")
            blocks += [Heading("Not done"), Listing(tuple(named))]
        return blocks

    def images(self, tracks: TrackCache, face: str, number: int) -> list[Block]:
        """Show some of the finished pairs, evenly spread over the list.

        Args:
            tracks: where the landmarks of the videos are.
            face: which one was dubbed.
            number: of pairs at most.
        """
        done = [pair for pair in self.pairs if self._status(pair)[0] == "done"]
        selection = np.linspace(0, len(done) - 1, min(number, len(done))).round().astype(int)
        blocks: list[Block] = []
        for pair in (done[position] for position in selection):
            report = self.records[pair.key].load_report()
            assert report is not None, "done pairs have one"
            blocks.append(Heading(f"Line {pair.line}: {pair.video_name} with the audio of {pair.audio_name}", 3))
            curves = report.arrays
            times = telling_times(curves["times"].tolist(), curves["opening"]) if "times" in curves else []
            if times:
                track = tracks.track(pair.video, face)
                tiles = [
                    label_rows([(name, face_tiles(path, track, times))])
                    for name, path in (("video", pair.video), ("dubbed: closed, half open, open", report.dubbed))
                ]
                blocks.append(InlineImage(jpeg_bytes(beside(tiles)), "the video and the dubbed video at three moments"))
            if "times" in curves:
                plot = plot_opening(report, pair.audio, pair.is_own_audio)
                blocks.append(InlineImage(plot, "lip opening over the audio"))
        return [Heading("Some of the pairs"), *blocks] if blocks else []

    def _status(self, pair: Pair) -> tuple[str, str]:
        record = self.records.get(pair.key)
        return ("not reached", "") if record is None else (record.status, record.reason)


def _means_table(rows: Sequence[tuple[str, Values]]) -> Table:
    infos = shown_infos([values for _, values in rows])
    head = ("pairs", *(info.column for info in infos))
    return Table(head, tuple((name, *cells(values, infos)) for name, values in rows))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


Values = Mapping[str, float]
"""Name of a value in a report -> the value."""

_HEAD = ("num_frames", "num_compared", "frame_rate", "aligned")
"""Numbers of a report that are not of a metric."""


def pair_values(report: Report, is_own_audio: bool) -> dict[str, float]:
    """List every number of a report by its name.

    Args:
        report: of one pair.
        is_own_audio: whether the recording is that of the words spoken.

    Returns:
        those that mean something: where the recording says other words, a value that compares with its mouth does not
        (`MetricInfo.needs_same_words`).
    """
    found = {name: float(getattr(report, name)) for name in _HEAD} | dict(report.values)
    if is_own_audio:
        return found
    meaningless = same_words_names()
    return {name: value for name, value in found.items() if name not in meaningless}


def same_words_names() -> set[str]:
    """Name the values that compare with a mouth that says the same words."""
    return {info.name for info in metric_infos() if info.needs_same_words} | {"aligned"}


def real_values(values: Values) -> dict[str, float]:
    """Return the values of the real video among those of a pair, under the names of the dubbed one's.

    >>> real_values({"expert_sync.distance": 7.0, "true_expert_sync.distance": 6.0, "silence.true_motion": 0.01})
    {'silence.motion': 0.01, 'expert_sync.distance': 6.0}
    """
    return {info.real_of: values[info.name] for info in metric_infos() if info.real_of and info.name in values}


def mean_values(rows: Sequence[Values]) -> dict[str, float]:
    """Average each value over the rows that have it."""
    gathered: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            gathered.setdefault(name, []).append(value)
    return {name: math.fsum(each) / len(each) for name, each in gathered.items()}


def summary_rows(pairs: Sequence[Pair], records: Mapping[str, PairRecord]) -> list[tuple[str, Values]]:
    """Average the finished pairs: those with the audio of another, those with their own, and the real videos.

    Args:
        pairs: the list.
        records: by `Pair.key`.

    Returns:
        heading and values by name; a real video counts once, whatever the number of its pairs.
    """
    other: list[Values] = []
    own: list[Values] = []
    own_reports: list[Report] = []
    real: dict[str, dict[str, float]] = {}
    for pair in pairs:
        report = records[pair.key].load_report() if pair.key in records else None
        if report is None:
            continue
        values = pair_values(report, pair.is_own_audio)
        (own if pair.is_own_audio else other).append(values)
        if pair.is_own_audio:
            own_reports.append(report)
        real.setdefault(str(pair.video), {}).update(real_values(values))
    rows: list[tuple[str, Values]] = []
    if other:
        rows.append((f"other audio ({len(other)})", mean_values(other)))
    if own:
        rows.append((f"own audio ({len(own)})", {**mean_values(own), **summarise(own_reports).values}))
    if any(real.values()):
        rows.append((f"real videos ({len(real)})", mean_values(list(real.values()))))
    return rows


def value_names(rows: Sequence[Values]) -> list[str]:
    """Name every value that some row has, in the order of the table of metrics."""
    known = [*_HEAD, *(info.name for info in metric_infos())]
    order = {name: position for position, name in enumerate(known)}
    names = dict.fromkeys(name for row in rows for name in row)
    return sorted(names, key=lambda name: order.get(name, len(order)))
