"""Sync: how well audio and mouth belong together, from embeddings of both: distance, confidence, offset.

The embeddings come from a network that puts five frames of a mouth and 0.2 s of audio near each other when they belong
together (SyncNet, Chung & Zisserman, "Out of time", 2016). The values depend on the network and on what it is shown,
and do not compare with those of another. Only those of the published SyncNet are called LSE-D and LSE-C
(`lip_sync_error`); those of an expert of ours are expert-D and expert-C (`expert_sync`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np

from visavox.metrics.metric import Measure, MetricInfo, NotMeasured, Result
from visavox.metrics.pair import Video, VideoPair
from visavox.types import Frame

MAXIMUM_SHIFT = 15
"""Windows: audio is shifted from -15 to +15 frames against the mouths, as in the published evaluation."""

_EPSILON = 1e-6
"""Number that torch's `pairwise_distance` adds to each difference."""


@dataclass(frozen=True)
class SyncScore:
    """Sync of a video, by one network."""

    distance: float
    """Smallest mean distance of embeddings over all shifts (LSE-D, expert-D); lower is better."""
    confidence: float
    """Median over shifts minus the smallest (LSE-C, expert-C); higher is better."""
    offset: int
    """Shift of the smallest distance, in frames: positive, the mouth comes late; the two above do not see it."""
    distance_at_zero: float
    """Mean distance without a shift: what a viewer gets."""
    num_windows: int
    """Windows of five frames that were scored."""


@dataclass(frozen=True)
class LipSyncError:
    """LSE-D (`distance`), LSE-C (`confidence`) and offset of one video; None where there is nothing to score."""

    whole_frame: SyncScore | None
    """Whole frames squeezed to 224 pixels, as Wav2Lip's evaluation has it for LRS2, LRS3 and LRW."""
    tracked_crop: SyncScore | None
    """Crops that follow the face, as SyncNet's own pipeline makes them: mean over the runs of the face, with the
    offset of the longest."""


def shifted_distances(mouths: np.ndarray, audio: np.ndarray, maximum_shift: int = MAXIMUM_SHIFT) -> np.ndarray:
    """Mean distance of mouth embeddings from audio embeddings, for every shift of the audio.

        d(s) = mean over i of |mouth[i] - audio[i + s] + 1e-6|, s from -maximum_shift to +maximum_shift

    Only windows that both have are averaged. (`PaddedDistances` has the mean of the published evaluation; with
    embeddings of length 1, of which its zeros are closer than unrelated ones, it would favour large shifts of short
    clips.)

    Args:
        mouths: (N, C), one window a frame; rows of NaN (no face there) are left out.
        audio: (N, C).
        maximum_shift: frames.

    Returns:
        float64 (2 * maximum_shift + 1,); NaN at shifts that leave no window.
    """
    num = min(len(mouths), len(audio))
    mouths, audio = np.asarray(mouths[:num], np.float64), np.asarray(audio[:num], np.float64)
    distances = np.full(2 * maximum_shift + 1, np.nan)
    for position, shift in enumerate(range(-maximum_shift, maximum_shift + 1)):
        first, last = max(0, -shift), min(num, num - shift)
        if first >= last:
            continue
        each = np.linalg.norm(mouths[first:last] - audio[first + shift : last + shift] + _EPSILON, axis=1)
        known = each[np.isfinite(each)]
        if len(known):
            distances[position] = known.mean()
    return distances


class PaddedDistances:
    """The same mean as SyncNet's published evaluation takes it, window by window in constant memory.

    d(s) = mean over all i of |lips[i] - audio[i + s] + 1e-6|, audio[j] being zeros where there is no window j

    distances = PaddedDistances()
    for lips, audio in batches:
        distances.add(lips, audio)
    score = distances.score()
    """

    def __init__(self, maximum_shift: int = MAXIMUM_SHIFT) -> None:
        self.num_windows = 0
        """Windows whose distances are known for all shifts."""
        self._maximum_shift = maximum_shift
        self._sums = np.zeros(2 * maximum_shift + 1)
        self._lips: np.ndarray | None = None  # windows that wait for the audio of later ones
        self._audio: np.ndarray | None = None  # from `maximum_shift` windows before the first of them

    def add(self, lips: np.ndarray, audio: np.ndarray) -> None:
        """Take the embeddings of the next windows, (n, C) each."""
        lips, audio = np.asarray(lips, np.float64), np.asarray(audio, np.float64)
        if self._lips is None or self._audio is None:
            self._lips, self._audio = lips[:0], np.zeros((self._maximum_shift, audio.shape[1]))
        self._lips = np.concatenate([self._lips, lips])
        self._audio = np.concatenate([self._audio, audio])
        self._measure()

    def score(self) -> SyncScore | None:
        """Measure the last windows, and score; None if there was no window. Nothing can be added after it."""
        if self._lips is None or self._audio is None:
            return None
        self._audio = np.concatenate([self._audio, np.zeros((self._maximum_shift, self._audio.shape[1]))])
        self._measure()
        return _score(self._sums / self.num_windows, self.num_windows)

    def _measure(self) -> None:
        """Measure the windows that have the audio of all shifts, and forget what is not needed any more."""
        assert self._lips is not None
        assert self._audio is not None
        num_shifts = 2 * self._maximum_shift + 1
        num = max(0, len(self._audio) - num_shifts + 1)
        for lips, index in zip(self._lips[:num], range(num), strict=True):
            self._sums += np.linalg.norm(lips - self._audio[index : index + num_shifts] + _EPSILON, axis=1)
        self.num_windows += num
        self._lips, self._audio = self._lips[num:], self._audio[num:]


def sync_score(mouths: np.ndarray, audio: np.ndarray, maximum_shift: int = MAXIMUM_SHIFT) -> SyncScore:
    """Score the sync of a video from its embeddings (W, D); arguments as `shifted_distances`.

        distance = min over s of d(s)        confidence = median over s of d(s) - distance        offset = -argmin d

    This is the order of SyncNet's published evaluation: averaged over windows first, then the minimum over shifts.
    """
    distances = shifted_distances(mouths, audio, maximum_shift)
    if not np.isfinite(distances).any():
        return SyncScore(float("nan"), float("nan"), 0, float("nan"), 0)
    return _score(distances, int(np.isfinite(np.asarray(mouths)[: len(audio)]).all(axis=1).sum()))


def _score(distances: np.ndarray, num_windows: int) -> SyncScore:
    """Read the values off the mean distances of all shifts, (2 * maximum_shift + 1,)."""
    maximum_shift = len(distances) // 2
    best = int(np.nanargmin(distances))
    return SyncScore(
        distance=float(distances[best]),
        confidence=float(np.nanmedian(distances) - distances[best]),
        offset=maximum_shift - best,
        distance_at_zero=float(distances[maximum_shift]),
        num_windows=num_windows,
    )


def score_values(score: SyncScore) -> dict[str, float]:
    """Name the numbers of a score; NaN, offset included, where there is none."""
    values = {name: float(value) for name, value in asdict(score).items()}
    return values if score.num_windows else {name: float("nan") for name in values} | {"num_windows": 0.0}


class SyncScorer(Protocol):
    """Shows one video to a network of sync."""

    def add(self, frame: Frame) -> None:
        """Take the next frame of the video."""
        ...

    def values(self) -> dict[str, float]:
        """Finish, and return the values."""
        ...


class SyncMeasure(Measure):
    """Sync of the dubbed video, and of the recording with its own audio.

    Args:
        pair: the videos.
        name: what the names of the values begin with; of the recording's with `true_` before it.
        open_scorer: makes the scorer of a video and its audio.
    """

    def __init__(self, pair: VideoPair, name: str, open_scorer: Callable[[Video, np.ndarray], SyncScorer]) -> None:
        self._name = name
        self._scorers: dict[bool, SyncScorer] = {}
        for is_true, video in ((False, pair.dubbed), (True, pair.true)):
            if video.audio is not None:
                self._scorers[is_true] = open_scorer(video, video.audio)
        if not self._scorers:
            raise NotMeasured("neither video has audio")

    def add_any(self, frame: Frame, is_true: bool) -> None:
        """Take the next frame of one of the videos."""
        if is_true in self._scorers:
            self._scorers[is_true].add(frame)

    def result(self) -> Result:
        """Score both videos."""
        found: dict[str, float] = {}
        for is_true, scorer in self._scorers.items():
            prefix = f"true_{self._name}" if is_true else self._name
            found |= {f"{prefix}.{key}": value for key, value in scorer.values().items()}
        return found


_LAGS = f"-{MAXIMUM_SHIFT} to {MAXIMUM_SHIFT}"


@dataclass(frozen=True)
class _Kind:
    """One value of a score."""

    name: str
    title: str
    formula: str
    decimals: int
    higher_is_better: bool | None
    best: str
    range: str = "0 or more"
    unit: str = ""
    in_table: bool = True


_KINDS = (
    _Kind(
        "distance",
        "Lip sync error, distance",
        "distance of the embeddings of mouth and audio, averaged over windows, smallest over shifts of the audio",
        3,
        False,
        "that of the real video",
    ),
    _Kind(
        "confidence",
        "Lip sync error, confidence",
        "median of these distances over shifts less the smallest",
        3,
        True,
        "that of the real video",
    ),
    _Kind(
        "offset",
        "Offset of audio and video (AV offset)",
        "shift with the smallest distance",
        1,
        None,
        "0",
        _LAGS,
        "frames",
    ),
    _Kind(
        "distance_at_zero",
        "Lip sync error, distance without a shift",
        "mean distance without a shift: what a viewer gets",
        3,
        False,
        "that of the real video",
        in_table=False,
    ),
    _Kind("num_windows", "Windows", "windows of five frames that were scored", 0, None, "-", in_table=False),
)


def sync_infos(prefix: str, columns: tuple[str, str, str], block: str, source: str) -> tuple[MetricInfo, ...]:
    """Describe the values of a network of sync, and those of the real video beside them.

    Args:
        prefix: what the names begin with.
        columns: headings of distance, confidence and offset.
        block: heading of their table.
        source: where they come from.
    """
    headings = (*columns, f"{block} distance at 0", f"{block} windows")
    described = []
    for kind, column in zip(_KINDS, headings, strict=True):
        info = MetricInfo(
            name=f"{prefix}.{kind.name}",
            column=column,
            title=kind.title,
            formula=kind.formula,
            source=source,
            range=kind.range,
            unit=kind.unit,
            decimals=kind.decimals,
            higher_is_better=kind.higher_is_better,
            best=kind.best,
            undefined="no audio, or no five frames in a row with a face and audio",
            block=block,
            in_table=kind.in_table,
        )
        real = {
            "name": f"true_{info.name}",
            "column": f"real {column}",
            "title": f"{kind.title}, of the real video",
            "higher_is_better": None,
            "best": "-",
            "real_of": info.name,
        }
        described += [info, MetricInfo(**{**vars(info), **real})]
    return tuple(described)
