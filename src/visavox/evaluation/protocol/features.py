"""Features of the pairs, kept beside their records: what a metric combines over the whole set, such as FID.

A file for each pair and array: what was measured is never measured again, and no more than the features of one pair
are in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from visavox.evaluation.protocol.pair_list import Pair
from visavox.evaluation.protocol.results_folder import ResultsFolder
from visavox.metrics.table import Metrics
from visavox.runtime.files import write_whole


def feature_names(metrics: Metrics) -> list[str]:
    """Name the arrays that are to be kept for some metrics."""
    return [name for metric in metrics.values() for name in metric.features]


def save_features(arrays: Mapping[str, np.ndarray], folder: ResultsFolder, pair: Pair) -> None:
    """Write arrays of features of a pair; each file appears under its name only when it is whole.

    Raises:
        OSError: the disk is full.
    """
    for name, array in arrays.items():
        save_array(array, folder.features_of(pair, name))


def save_array(array: np.ndarray, path: Path) -> None:
    """Write an array as .npy."""
    write_whole(path, lambda file: np.save(file, array, allow_pickle=False))


def set_values(
    metrics: Metrics, missing: Mapping[str, str], folder: ResultsFolder, pairs: Iterable[Pair]
) -> dict[str, float | str]:
    """Combine the features of all pairs, metric by metric.

    Args:
        metrics: that were measured.
        missing: values that could not be measured at all: name -> the reason.
        folder: where the features are.
        pairs: the finished ones.

    Returns:
        column of the value -> the value, or why there is none.
    """
    pairs = list(pairs)
    found: dict[str, float | str] = {}
    for metric in metrics.values():
        if not metric.features:
            continue
        # Without its network a metric has kept no features of any pair.
        unmeasured = all(info.name in missing for info in metric.infos)
        values = {} if unmeasured else metric.reduce(_results(metric.features, folder, pairs))
        for info in metric.infos:
            if info.name in values or info.name in missing:
                found[info.column] = values[info.name] if info.name in values else missing[info.name]
    return found


def _results(names: Sequence[str], folder: ResultsFolder, pairs: Iterable[Pair]) -> Iterator[dict[str, np.ndarray]]:
    """Read the features of pair after pair."""
    for pair in pairs:
        yield {name: np.load(folder.features_of(pair, name), allow_pickle=False) for name in names}
