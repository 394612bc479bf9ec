"""Plot of an evaluation: the two mouths over the audio that should move them."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from visavox.constants import SAMPLE_RATE
from visavox.evaluation.report import Report
from visavox.evaluation.videos import driving_audio
from visavox.types import PathLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRUE_COLOUR, _DUBBED_COLOUR, _AUDIO_COLOUR = "#3b6ea5", "#d1495b", "#d4d4d4"
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".pdf", ".svg")
"""Endings of the files that `plot_curves` can write."""


def plot_curves(report: Report, path: PathLike, waveform: np.ndarray | None = None, rate: int = SAMPLE_RATE) -> None:
    """Draw lip opening and width of both videos, over the waveform.

    Args:
        report: with its curves.
        path: the image to write; replaced if it exists.
        waveform: float (N,) in [-1, 1], sample 0 with the first frame; None draws no audio.
        rate: its samples a second.
    """
    from matplotlib.figure import Figure  # no pyplot: nothing global, no window system

    curves = report.arrays
    if "times" not in curves:
        raise ValueError("this report has no curves; measure lip_motion, and read it with them")
    times = curves["times"]
    figure = Figure(figsize=(max(8.0, min(24.0, 1.2 * float(np.ptp(times)) + 4)), 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    for axes, name in ((upper, "opening"), (lower, "width")):
        if waveform is not None and len(waveform):
            draw_audio(axes, waveform, rate, float(times[-1]) if len(times) else 0.0)
        axes.plot(times, curves[f"true_{name}"], color=_TRUE_COLOUR, label="recording", linewidth=1.6)
        axes.plot(times, curves[name], color=_DUBBED_COLOUR, label="dubbed", linewidth=1.6)
        axes.set_ylabel(f"lip {name} / eye distance")
        axes.set_title(f"lip {name}: {_agreement(report, name)}", fontsize=10)
    upper.legend(loc="upper right")
    lower.set_xlabel("seconds")
    figure.suptitle(Path(report.dubbed).name)
    figure.savefig(path, dpi=120)


def _agreement(report: Report, curve: str) -> str:
    """Say how well a dubbed curve agrees with the true one."""
    values = [report.values.get(f"{curve}.{name}", math.nan) for name in ("correlation", "best_correlation", "gain")]
    correlation, best, gain = values
    lag = report.values.get(f"{curve}.best_lag")
    at = "any lag" if lag is None else f"lag {lag:+.0f} frames ({_milliseconds(lag, report.frame_rate)})"
    return f"r = {correlation:.2f} at lag 0; best r = {best:.2f} at {at}; gain {gain:.2f}"


def _milliseconds(lag: float, frame_rate: float) -> str:
    return f"{1000 * lag / frame_rate if frame_rate else math.nan:+.0f} ms"


def draw_audio(axes: Axes, waveform: np.ndarray, rate: int, duration: float) -> None:
    """Fill the envelope of the audio, float32 (N,), behind the curves, on an axis of its own."""
    block = max(1, rate // 200)
    shown = waveform[: int((duration + 0.1) * rate)]
    blocks = shown[: len(shown) // block * block].reshape(-1, block)
    if not len(blocks):
        return
    times = (np.arange(len(blocks)) + 0.5) * block / rate
    twin = axes.twinx()
    twin.fill_between(times, blocks.min(axis=1), blocks.max(axis=1), color=_AUDIO_COLOUR, linewidth=0)
    peak = float(np.abs(shown).max()) or 1.0
    twin.set_ylim(-1.3 * peak, 1.3 * peak)
    twin.set_yticks([])
    axes.set_zorder(twin.get_zorder() + 1)
    axes.patch.set_visible(False)


def plot_opening(report: Report, audio: PathLike, is_own_audio: bool) -> bytes:
    """Draw the lip opening of a dubbed video over its audio.

    Args:
        report: with its curves.
        audio: what the mouth should follow.
        is_own_audio: draw the recording's opening as what it should be; else as the mouth that was there before.

    Returns:
        a PNG file.
    """
    from matplotlib.figure import Figure

    curves = report.arrays
    figure = Figure(figsize=(8, 2.2), layout="constrained")
    axes = figure.subplots()
    waveform = driving_audio(report.dubbed, audio)
    if waveform is not None and len(waveform) and len(curves["times"]):
        draw_audio(axes, waveform, SAMPLE_RATE, float(curves["times"][-1]))
    before = "recording" if is_own_audio else "mouth before"
    axes.plot(curves["times"], curves["true_opening"], color=_TRUE_COLOUR, label=before, linewidth=1.2)
    axes.plot(curves["times"], curves["opening"], color=_DUBBED_COLOUR, label="dubbed", linewidth=1.6)
    axes.set_xlabel("seconds")
    axes.set_ylabel("lip opening / eye distance", fontsize=8)
    axes.legend(loc="upper right", fontsize=8)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=90, metadata={"Software": None})
    return file.getvalue()
