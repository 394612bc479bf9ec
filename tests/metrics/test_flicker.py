"""Flicker sees trembling, and not what changes evenly."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.metrics.flicker import FlickerMeter


def measure(levels: list[int] | range) -> FlickerMeter:
    meter = FlickerMeter()
    for level in levels:
        meter.add(np.full((6, 6, 3), level, np.uint8))
    return meter


def test_even_change_is_no_flicker_and_alternation_is() -> None:
    assert measure(range(20, 60, 3)).root_energy == pytest.approx(0, abs=1e-4)
    assert measure([50, 53] * 5).root_energy == pytest.approx(6, abs=1e-4)  # |53 - 2 * 50 + 53|


def test_nothing_is_compared_across_a_cut() -> None:
    meter = measure([50, 50, 50])
    meter.interrupt()
    for level in (200, 200, 200):
        meter.add(np.full((6, 6, 3), level, np.uint8))
    assert len(meter.energies) == 2
    assert meter.root_energy == pytest.approx(0, abs=1e-4)


def test_two_frames_are_not_enough() -> None:
    assert np.isnan(measure([1, 2]).root_energy)
