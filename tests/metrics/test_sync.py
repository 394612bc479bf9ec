"""The figures of sync against the figures of the published evaluation, and on embeddings whose offset is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.narrow import present
from tests.parity import SYNCNET_GOLDEN, syncnet_embeddings

from visavox.metrics.sync import PaddedDistances, SyncScore, shifted_distances, sync_score


def unit_embeddings(num: int, late: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings as an expert gives them: length one, nothing negative; mouths come `late` frames after the sound."""
    generator = np.random.default_rng(seed)
    long = np.maximum(generator.normal(size=(num + 40, 64)), 0)
    mouths = long + 0.2 * np.maximum(generator.normal(size=long.shape), 0)
    mouths, sounds = (
        part / np.linalg.norm(part, axis=1, keepdims=True) for part in (mouths[20 - late :][:num], long[20:][:num])
    )
    return mouths, sounds


def published_score(lips: np.ndarray, sounds: np.ndarray) -> tuple[float, float, int]:
    """LSE-D, LSE-C and offset, all windows and shifts at once, in torch."""
    mouths, padded = torch.from_numpy(lips), F.pad(torch.from_numpy(sounds), (0, 0, 15, 15))
    shifts = [F.pairwise_distance(mouths, padded[shift : shift + len(lips)]).mean() for shift in range(31)]
    distances = torch.stack(shifts)
    return float(distances.min()), float(distances.median() - distances.min()), 15 - int(distances.argmin())


def in_chunks(lips: np.ndarray, sounds: np.ndarray, size: int) -> SyncScore:
    distances = PaddedDistances()
    for start in range(0, len(lips), size):
        distances.add(lips[start : start + size], sounds[start : start + size])
    return present(distances.score())


@pytest.mark.parametrize("size", [1, 20, 60])
def test_the_published_figures_are_reproduced(size: int) -> None:
    score, golden = in_chunks(*syncnet_embeddings(), size), np.load(SYNCNET_GOLDEN)
    assert score.distance == pytest.approx(float(golden["lse_d"]), abs=1e-4)
    assert score.confidence == pytest.approx(float(golden["lse_c"]), abs=1e-4)
    assert score.offset == golden["offset"]
    assert score.num_windows == 60


@pytest.mark.parametrize("num_windows", [1, 7, 15, 16, 31, 80])
@pytest.mark.parametrize("size", [1, 13, 100])
def test_any_length_in_any_chunks_gives_the_published_figures(num_windows: int, size: int) -> None:
    generator = np.random.default_rng(num_windows)
    sounds = generator.normal(3, 1, (num_windows, 24)).astype(np.float32)
    lips = np.roll(sounds, -3, axis=0) + generator.normal(0, 0.3, sounds.shape).astype(np.float32)
    score = in_chunks(lips, sounds, size)
    assert (score.distance, score.confidence, score.offset) == pytest.approx(published_score(lips, sounds), abs=1e-4)
    assert score.num_windows == num_windows


@pytest.mark.parametrize("late", [-9, 0, 5])
def test_the_offset_of_a_late_mouth_is_positive(late: int) -> None:
    score = sync_score(*unit_embeddings(50, late))
    assert score.offset == late
    assert score.distance < score.distance_at_zero or late == 0
    assert score.num_windows == 50


def test_zeros_beyond_the_ends_favour_large_shifts_of_unit_embeddings() -> None:
    mouths, _ = unit_embeddings(26, 0)
    _, others = unit_embeddings(26, 0, seed=1)
    overlap, with_zeros = sync_score(mouths, others), in_chunks(mouths, others, 26)
    naive = [
        np.mean([np.linalg.norm(mouths[i] - others[i + s]) for i in range(26) if 0 <= i + s < 26])
        for s in range(-15, 16)
    ]
    assert shifted_distances(mouths, others) == pytest.approx(naive, abs=1e-4)
    assert with_zeros.distance < overlap.distance - 0.01
    assert abs(with_zeros.offset) > 10


def test_windows_without_a_face_are_left_out() -> None:
    mouths, sounds = unit_embeddings(60, 3)
    broken = mouths.copy()
    broken[10:20] = np.nan
    score = sync_score(broken, sounds)
    assert (score.offset, score.num_windows) == (3, 50)


def test_no_window_no_figures() -> None:
    score = sync_score(np.full((4, 8), np.nan), np.ones((4, 8)))
    assert np.isnan(score.distance)
    assert score.num_windows == 0
    assert PaddedDistances().score() is None
