"""What is kept of landmarks is what a track holds of them, to the last bit."""

from __future__ import annotations

import gc

import numpy as np

from visavox.face.track.landmark_store import FACES_PER_BLOCK, LANDMARK_STEP, LandmarkStore
from visavox.types import NUM_LANDMARKS


def faces(count: int, size: float, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    centers = generator.uniform(-20, 4000, (count, 1, 3))
    return centers + generator.uniform(-size / 2, size / 2, (count, NUM_LANDMARKS, 3))


def test_they_are_rounded_as_tracks_are_and_no_further() -> None:
    store = LandmarkStore()
    given = faces(7, 300.0)
    kept = [store.keep(landmarks) for landmarks in given]
    for landmarks, one in zip(given, kept, strict=True):
        decoded = one.decode()
        assert decoded.dtype == np.float32
        in_track = np.round(landmarks.astype(np.float32) / LANDMARK_STEP) * LANDMARK_STEP
        assert np.array_equal(decoded, in_track)
        assert np.abs(decoded - landmarks).max() < 0.6 * LANDMARK_STEP
        assert one.offsets.dtype == np.int16


def test_faces_too_large_for_half_the_memory_are_kept_as_well() -> None:
    (landmarks,) = faces(1, 3000.0)
    kept = LandmarkStore().keep(landmarks)
    assert kept.offsets.dtype == np.int32
    assert np.abs(kept.decode() - landmarks).max() < 0.6 * LANDMARK_STEP


def test_many_do_not_disturb_each_other_and_blocks_are_freed() -> None:
    store = LandmarkStore()
    given = faces(3, 100.0, seed=1)
    kept = [store.keep(given[number % 3]) for number in range(2 * FACES_PER_BLOCK + 5)]
    for number in (0, 1, FACES_PER_BLOCK - 1, FACES_PER_BLOCK, 2 * FACES_PER_BLOCK + 4):
        assert np.abs(kept[number].decode() - given[number % 3]).max() < 0.6 * LANDMARK_STEP
    # Each refers to its own block alone: once the first block's are gone, so is its memory.
    owners = {id(_mapping(one.offsets)) for one in kept}
    assert len(owners) == 3
    del kept[:FACES_PER_BLOCK]
    gc.collect()
    assert len({id(_mapping(one.offsets)) for one in kept}) == 2


def _mapping(array: np.ndarray) -> object:
    """What an array's memory belongs to."""
    base = array
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    return base
