"""The figures of an avatar as a table in Markdown: a line for what drives it, a column for each figure."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.motion.table import cell, markdown

HEADINGS = {
    "psnr": ("PSNR", 1),
    "psnr_head": ("head", 1),
    "psnr_seam": ("seam", 1),
    "ssim": ("SSIM", 3),
    "mouth_distance": ("mouth distance", 4),
    "lmd": ("LMD", 4),
    "opening_r": ("opening r", 2),
    "opening_lag": ("best lag", 0),
    "opening_gain": ("gain", 2),
    "flicker": ("flicker", 2),
    "milliseconds": ("ms a frame", 0),
}
"""Figure to its heading and the digits after its point."""


def figures_table(lines: Mapping[str, Mapping[str, float]]) -> str:
    """Lay out the figures of each line."""
    rows = [["driven by", *(heading for heading, _ in HEADINGS.values())]]
    for name, figures in lines.items():
        rows.append([name, *(cell(figures.get(key), decimals) for key, (_, decimals) in HEADINGS.items())])
    return markdown(rows)
