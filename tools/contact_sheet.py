"""Draws frames of a video over the waveform of its sound: the picture at the head of the README.

.venv/bin/visavox demo && .venv/bin/python tools/contact_sheet.py results/demo.mp4 -o docs/pictures/contact-sheet.png
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from visavox.cli.common import alias, run
from visavox.errors import InputError
from visavox.media import VideoReader, read_audio
from visavox.types import Frame

RATE = 16000
COLUMNS = 4
INK, SOUND, PLAYHEAD, PAPER = "#333333", "#8aa0b4", "#d1495b", "#ffffff"


@dataclass(frozen=True)
class SheetOptions:
    """Draw frames of a video in rows, the waveform under them, and a playhead for each frame."""

    video: tyro.conf.Positional[Path]
    """A video with sound."""
    output: Annotated[Path, alias("-o")]
    """Where the picture goes (.png)."""
    times: tuple[float, ...] = ()
    """Seconds at which the frames are taken; by default eight, evenly spaced."""
    crop: tuple[int, int, int, int] | None = None
    """Part of the frame to show: x0 y0 x1 y1, pixels, half open; by default all of it."""


def frames_at(video: Path, times: list[float]) -> list[Frame]:
    """Return the frame that is on screen at each of the times (ascending, seconds)."""
    found: list[Frame] = []
    last: Frame | None = None
    with VideoReader(str(video)) as reader:
        for frame in reader:
            while len(found) < len(times) and last is not None and float(frame.time) > times[len(found)]:
                found.append(last)
            if len(found) == len(times):
                return found
            last = frame
    if last is None:
        raise InputError(f"{video} has no frames; give a whole video")
    return found + [last] * (len(times) - len(found))


def draw(frames: list[Frame], waveform: np.ndarray, output: Path, crop: tuple[int, int, int, int] | None) -> None:
    """Write the contact sheet; `waveform` is float32 (N,) at 16 kHz."""
    from matplotlib.figure import Figure

    x0, y0, x1, y1 = crop or (0, 0, frames[0].image.shape[1], frames[0].image.shape[0])
    rows = -(-len(frames) // COLUMNS)
    tile = 3.0, 3.0 * (y1 - y0) / (x1 - x0)
    figure = Figure(figsize=(COLUMNS * tile[0], rows * tile[1] + 1.3), facecolor=PAPER)
    grid = figure.add_gridspec(
        rows + 1,
        COLUMNS,
        height_ratios=[tile[1]] * rows + [1.3],
        hspace=0.02,
        wspace=0.02,
        left=0,
        right=1,
        top=1,
        bottom=0.02,
    )
    for number, frame in enumerate(frames):
        axes = figure.add_subplot(grid[number // COLUMNS, number % COLUMNS])
        axes.imshow(frame.image[y0:y1, x0:x1], interpolation="lanczos", aspect="auto")
        axes.text(
            0.03,
            0.04,
            f"{number + 1}",
            transform=axes.transAxes,
            color=PAPER,
            weight="bold",
            size=13,
            bbox={"facecolor": PLAYHEAD, "edgecolor": "none", "boxstyle": "circle,pad=0.25"},
        )
        axes.set_axis_off()
    draw_sound(figure.add_subplot(grid[rows, :]), waveform, [float(frame.time) for frame in frames])
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=100)


def draw_sound(axes: Any, waveform: np.ndarray, times: list[float]) -> None:
    """Draw the envelope of the sound and a numbered playhead at each time."""
    columns = np.array_split(waveform, 1200)
    high, low = np.array([(column.max(), column.min()) for column in columns]).T
    seconds = np.linspace(0, len(waveform) / RATE, len(columns))
    axes.fill_between(seconds, low, high, color=SOUND, linewidth=0)
    peak = 1.05 * max(np.abs(waveform).max(), 1e-3)
    axes.set_ylim(-peak, 1.45 * peak)
    axes.set_xlim(0, seconds[-1])
    for number, time in enumerate(times):
        axes.plot([time, time], [-peak, peak], color=PLAYHEAD, linewidth=1.5)
        axes.text(time, 1.08 * peak, f"{number + 1}", color=PLAYHEAD, ha="center", weight="bold", size=11)
    axes.set_axis_off()


def main(argv: list[str]) -> int:
    """Draw the sheet that the options describe."""
    options = tyro.cli(SheetOptions, args=argv, prog="contact_sheet.py")
    waveform = read_audio(str(options.video), RATE)
    length = len(waveform) / RATE
    times = sorted(options.times) or [length * (number + 0.5) / 8 for number in range(8)]
    draw(frames_at(options.video, times), waveform, options.output, options.crop)
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
