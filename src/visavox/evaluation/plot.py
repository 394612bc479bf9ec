"""A picture of an evaluation: the two mouths over the sound that should move them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visavox.constants import SAMPLE_RATE
from visavox.evaluation.report import Report
from visavox.types import PathLike

_TRUE_COLOUR, _DUBBED_COLOUR, _SOUND_COLOUR = "#3b6ea5", "#d1495b", "#d4d4d4"
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".pdf", ".svg")
"""Endings of the files that `plot_curves` can write."""


def plot_curves(report: Report, path: PathLike, waveform: np.ndarray | None = None, rate: int = SAMPLE_RATE) -> None:
    """Draw lip opening and width of both videos, over the waveform.

    Args:
        report: with its curves.
        path: the picture to write; replaced if it exists.
        waveform: float (N,) in [-1, 1], sample 0 with the first frame; None draws no sound.
        rate: its samples a second.
    """
    from matplotlib.figure import Figure  # no pyplot: nothing global, no window system

    curves = report.curves
    if curves is None:
        raise ValueError("this report was read without its curves")
    figure = Figure(figsize=(max(8.0, min(24.0, 1.2 * float(np.ptp(curves.times)) + 4)), 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    rows = (
        (upper, "lip opening", curves.opening, curves.true_opening, report.opening),
        (lower, "lip width", curves.width, curves.true_width, report.width),
    )
    period = 1 / report.frame_rate if report.frame_rate else float("nan")
    for axes, name, dubbed, true, agreement in rows:
        if waveform is not None and len(waveform):
            draw_sound(axes, waveform, rate, float(curves.times[-1]) if len(curves.times) else 0.0)
        axes.plot(curves.times, true, color=_TRUE_COLOUR, label="recording", linewidth=1.6)
        axes.plot(curves.times, dubbed, color=_DUBBED_COLOUR, label="dubbed", linewidth=1.6)
        axes.set_ylabel(f"{name} / eye distance")
        axes.set_title(
            f"{name}: r = {agreement.correlation:.2f} at lag 0; best r = {agreement.best_correlation:.2f} at lag "
            f"{agreement.best_lag:+d} frames ({1000 * agreement.best_lag * period:+.0f} ms); gain {agreement.gain:.2f}",
            fontsize=10,
        )
    upper.legend(loc="upper right")
    lower.set_xlabel("seconds")
    figure.suptitle(Path(report.dubbed).name)
    figure.savefig(path, dpi=120)


def draw_sound(axes, waveform: np.ndarray, rate: int, duration: float) -> None:
    """Fill the envelope of the sound behind the curves, on an axis of its own."""
    block = max(1, rate // 200)
    shown = waveform[: int((duration + 0.1) * rate)]
    blocks = shown[: len(shown) // block * block].reshape(-1, block)
    if not len(blocks):
        return
    times = (np.arange(len(blocks)) + 0.5) * block / rate
    twin = axes.twinx()
    twin.fill_between(times, blocks.min(axis=1), blocks.max(axis=1), color=_SOUND_COLOUR, linewidth=0)
    peak = float(np.abs(shown).max()) or 1.0
    twin.set_ylim(-1.3 * peak, 1.3 * peak)
    twin.set_yticks([])
    axes.set_zorder(twin.get_zorder() + 1)
    axes.patch.set_visible(False)
