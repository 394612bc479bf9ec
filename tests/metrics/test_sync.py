"""LSE against the figures of the published evaluation, and on embeddings whose offset is known."""

from __future__ import annotations

import numpy as np
import pytest
from tests.parity import SYNCNET_GOLDEN, syncnet_embeddings

from visavox.metrics.sync import shifted_distances, sync_score


def unit_embeddings(num: int, late: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings as an expert gives them: length one, nothing negative; mouths come `late` frames after the sound."""
    generator = np.random.default_rng(seed)
    long = np.maximum(generator.normal(size=(num + 40, 64)), 0)
    mouths = long + 0.2 * np.maximum(generator.normal(size=long.shape), 0)
    return tuple(
        part / np.linalg.norm(part, axis=1, keepdims=True) for part in (mouths[20 - late :][:num], long[20:][:num])
    )


def test_the_published_figures_are_reproduced():
    score, golden = sync_score(*syncnet_embeddings()), np.load(SYNCNET_GOLDEN)
    assert score.distance == pytest.approx(float(golden["lse_d"]), abs=1e-4)
    assert score.confidence == pytest.approx(float(golden["lse_c"]), abs=1e-4)
    assert score.offset == golden["offset"]


@pytest.mark.parametrize("late", [-9, 0, 5])
def test_the_offset_of_a_late_mouth_is_positive(late):
    score = sync_score(*unit_embeddings(50, late), border="overlap")
    assert score.offset == late
    assert score.distance < score.distance_at_zero or late == 0
    assert score.num_windows == 50


def test_zeros_beyond_the_ends_favour_large_shifts_of_unit_embeddings():
    mouths, _ = unit_embeddings(26, 0)
    _, others = unit_embeddings(26, 0, seed=1)
    with_zeros, overlap = (shifted_distances(mouths, others, border=border) for border in ("zeros", "overlap"))
    naive = [
        np.mean([np.linalg.norm(mouths[i] - others[i + s]) for i in range(26) if 0 <= i + s < 26])
        for s in range(-15, 16)
    ]
    assert overlap == pytest.approx(naive, abs=1e-4)
    assert np.ptp(with_zeros) > np.ptp(overlap)


def test_windows_without_a_face_are_left_out():
    mouths, sounds = unit_embeddings(60, 3)
    broken = mouths.copy()
    broken[10:20] = np.nan
    score = sync_score(broken, sounds, border="overlap")
    assert (score.offset, score.num_windows) == (3, 50)


def test_no_window_no_figures():
    score = sync_score(np.full((4, 8), np.nan), np.ones((4, 8)))
    assert np.isnan(score.distance)
    assert score.num_windows == 0
