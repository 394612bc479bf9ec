"""The file beside weights with a speech branch that says in which terms they describe a mouth.

A painter that was taught one motion basis (`visavox.data.generator.mouth_motion`) understands no other.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

SUFFIX = ".motion.npz"
"""Its ending; the rest of its name is that of the weights."""


def terms_path(weights: Path) -> Path:
    """Return where the terms of a weights file lie, there or not."""
    return weights.with_suffix(SUFFIX)


def same_terms(one: Path, other: Path) -> bool:
    """Tell whether two such files, both of which are there, hold the same numbers."""
    with np.load(one, allow_pickle=False) as first, np.load(other, allow_pickle=False) as second:
        return set(first.files) == set(second.files) and all(np.array_equal(first[key], second[key]) for key in first)
