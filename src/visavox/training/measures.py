"""Numbers that several tasks validate by."""

from __future__ import annotations

import logging

import numpy as np

logger = logging.getLogger(__name__)

LARGEST_GAIN = 3.0
"""Beyond this a prediction is noise made large."""
CHANCE_LEVEL = 0.69
"""Validation loss, ln 2, of an expert that cannot tell anything."""

STUCK_ADVICE = (
    "the expert of sync still guesses (validation loss %.2f after %d steps; 0.69 is chance). Check that the "
    "audio of the clips is in sync (`visavox prepare` measures it), that there are enough speakers, and try a "
    "larger batch; on large data sets the published expert leaves 0.69 only after some 150,000 steps."
)


def correlation(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Correlate each column of two motions (T, K): (K,), 0 where one of them does not move."""
    one, other = predicted - predicted.mean(axis=0), true - true.mean(axis=0)
    correlated: np.ndarray = (one * other).mean(axis=0) / np.maximum(one.std(axis=0) * other.std(axis=0), 1e-6)
    return correlated


def warn_if_stuck(loss: float, step: int, patience: int) -> None:
    """Warn about an expert whose validation loss is at the level of chance, once `patience` steps were made."""
    if step >= patience and loss > CHANCE_LEVEL - 0.01:
        logger.warning(STUCK_ADVICE, loss, step)
