"""The metric protocol: what a metric says of itself, how it takes the frames of two videos, how videos are averaged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

if TYPE_CHECKING:
    from visavox.metrics.pair import FaceFrame, VideoPair
    from visavox.types import Frame

Value = float | np.ndarray
"""One number, or an array that it was made of (a curve, features), which `Metric.reduce` may need."""

Result = Mapping[str, Value]
"""Values and arrays of one pair of videos, by name."""

Need = Literal["frames", "all_frames", "source", "encoded_source"]
"""Frames that a measure takes: pairs of frames with a face in both; every frame of both videos; pairs of a dubbed
frame and the frame that was dubbed; the last also from the source encoded once more."""


class NotMeasured(Exception):
    """A metric cannot be measured on this pair, or at all; the message is the reason, in a few words."""


@dataclass(frozen=True, kw_only=True)
class MetricInfo:
    """Description of one value that a metric gives: tables, documentation and protocols are made from it."""

    name: str
    """Key of the value in a report."""
    column: str
    """Heading of its column."""
    title: str
    """Its name in sentences."""
    formula: str
    """Computation, in words."""
    source: str = "visavox"
    """Publication or program that it comes from."""
    range: str = "0 or more"
    """Values that it can take."""
    unit: str = ""
    """Its unit; empty for a plain number."""
    decimals: int = 3
    """Digits after the point in tables."""
    higher_is_better: bool | None = None
    """True if more is better; None where the best value lies in the middle, or the value is a reference."""
    best: str = "-"
    """The best value."""
    undefined: str = "too few frames with a face in both videos"
    """Reason that is given where the metric is NaN."""
    needs_same_words: bool = False
    """It compares with the mouth of the recording: where a video speaks with the speech of another, there is no
    recording of these words, and the value means nothing."""
    real_of: str = ""
    """Name of the value of the dubbed video beside which this is the recording's own."""
    block: str = ""
    """Values of one block stand in a table of their own, which this heads."""
    in_table: bool = True
    """Shown by `visavox evaluate`; other values are in its JSON, and in the table of pairs of a protocol."""
    of_groups: bool = False
    """Made from several videos together: no single report has it."""

    @property
    def heading(self) -> str:
        """The column, and an arrow up or down where a higher or a lower value is better."""
        return self.column + {True: " ↑", False: " ↓", None: ""}[self.higher_is_better]


@dataclass(frozen=True)
class NoOptions:
    """Options of a metric that has none."""


class Measure:
    """One metric at work on one pair of videos. A metric overrides what it needs (`Metric.needs`)."""

    def add(self, frame: FaceFrame, true_frame: FaceFrame | None) -> None:
        """Take a dubbed frame and the recording's at that time; None: there is none with a face in both."""

    def add_any(self, frame: Frame, is_true: bool) -> None:
        """Take the next frame of the recording or of the dubbed video, with or without a face."""

    def add_source(self, frame: Frame, source_frame: Frame, encoded_frame: Frame | None) -> None:
        """Take a dubbed frame, the frame that was dubbed, and the same encoded once more."""

    def result(self) -> Result:
        """Finish, and return the values by name; NaN where one cannot be computed (`MetricInfo.undefined`).

        Raises:
            NotMeasured: there is none at all.
        """
        raise NotImplementedError


class Metric:
    """Measures something on pairs of a dubbed video and its true recording.

    A metric is one class in one file, and a row of `visavox.metrics.METRICS`. Its module imports nothing heavy at
    its head, because the command's options are read from it; networks are loaded in `prepare`.

    Args:
        options: an instance of `options_type`; None: its defaults.
    """

    infos: ClassVar[tuple[MetricInfo, ...]]
    """Its values, in the order of the table."""
    needs: frozenset[Need] = frozenset()
    """Frames that its measures take; none: tracks and audio are enough, and no video is decoded for it."""
    options_type: ClassVar[type] = NoOptions
    """A frozen dataclass, all fields with a default and a docstring: each becomes an option of `visavox evaluate` of
    the field's name, so the names must differ from those of the other metrics."""
    features: ClassVar[tuple[str, ...]] = ()
    """Names of the arrays in its results that are large, and that `reduce` needs: a run over a test set keeps them in
    files."""
    by_default: ClassVar[bool] = True
    """Measured unless other metrics are named; else only if it is named, or one of its options is given."""

    def __init__(self, options: Any = None) -> None:
        self.options = self.options_type() if options is None else options

    @classmethod
    def asked_for(cls, options: Any) -> bool:
        """Tell whether the options ask for a metric that is not measured by default."""
        return not cls.by_default and options != cls.options_type()

    def prepare(self) -> None:
        """Load what it needs, once, before any work.

        Raises:
            InputError: a file that was given cannot be used.
            NotMeasured: something is missing without which the other metrics can be measured.
        """

    def start(self, pair: VideoPair) -> Measure:
        """Begin with a pair of videos.

        Raises:
            NotMeasured: the pair lacks something, such as audio.
        """
        raise NotImplementedError

    def facts(self) -> list[str]:
        """Say in a sentence each with what it measures, where values depend on it."""
        return []

    def content(self) -> dict[str, Any]:
        """Return what its values depend on, as JSON values: its options, files by their SHA-256.

        Raises:
            InputError: a file that was given does not exist.
        """
        return {
            name: file_digest(value) if isinstance(value, Path) else value
            for name, value in asdict(self.options).items()
        }

    @classmethod
    def reduce(cls, results: Iterable[Result]) -> dict[str, float]:
        """Combine what was measured on several pairs: by default the mean of each value over those that have it."""
        gathered: dict[str, list[float]] = {info.name: [] for info in cls.infos}
        for result in results:
            for name, values in gathered.items():
                value = result.get(name)
                if isinstance(value, int | float) and not math.isnan(value):
                    values.append(value)
        return {name: float(np.mean(values)) for name, values in gathered.items() if values}


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file of weights that was given.

    Raises:
        InputError: there is no such file.
    """
    from visavox.errors import InputError
    from visavox.runtime.files import sha256_of

    if not path.is_file():
        raise InputError(f"the file of weights {path} does not exist; give the path of one, or leave the option out")
    return sha256_of(path)


def model_digest(name: str) -> str:
    """Return the SHA-256 of weights that were given by path or by the name of shipped ones.

    Raises:
        InputError: there are none.
    """
    from visavox.weights import find_model, weights_digest

    return weights_digest(name if Path(name).is_file() else find_model(name))


def mean(values: Iterable[float]) -> float:
    """Average the numbers among some values; NaN if there are none."""
    numbers = [value for value in values if not math.isnan(value)]
    return float(np.mean(numbers)) if numbers else math.nan


def ratio(value: float | np.floating, true_value: float | np.floating) -> float:
    """Divide; NaN by nothing."""
    return float(value / true_value) if true_value > 0 else math.nan
