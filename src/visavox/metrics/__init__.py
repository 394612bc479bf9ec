"""Metrics: pure functions on arrays, one kind a file."""

from __future__ import annotations

from visavox.metrics.curves import CurveAgreement, compare_curves, gain, lagged_correlation, opening_correlation

__all__ = ["CurveAgreement", "compare_curves", "gain", "lagged_correlation", "opening_correlation"]
