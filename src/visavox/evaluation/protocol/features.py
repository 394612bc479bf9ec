"""Inception features of the pairs, kept beside their records, and the FID of the whole set that they make.

A file for each pair: what was measured is never measured again, and no more than the faces of one pair are in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from visavox.evaluation.face_figures import FaceFeatures
from visavox.metrics.frechet import Moments, frechet_distance
from visavox.runtime.files import write_whole


def save_features(features: FaceFeatures, path: Path) -> None:
    """Write the features of a pair; the file appears under its name only when it is whole.

    Args:
        features: of its T frames.
        path: ends in .npy; holds float32 (2, T, 2048) afterwards: dubbed, then true.

    Raises:
        OSError: the disk is full.
    """
    both = np.stack([features.dubbed, features.true])
    write_whole(path, lambda file: np.save(file, both, allow_pickle=False))


def pooled_fid(paths: Iterable[Path]) -> float:
    """FID of all faces of all pairs against the true ones, from the files of `save_features`.

    Returns:
        0 or more; NaN for fewer than two faces.
    """
    dubbed, true = Moments(), Moments()
    for path in paths:
        features = np.load(path, allow_pickle=False)
        dubbed.add(features[0])
        true.add(features[1])
    if dubbed.count < 2:
        return float("nan")
    return frechet_distance(dubbed.mean, dubbed.covariance, true.mean, true.covariance)
