"""Table of an avatar's values in Markdown: a line for what drives it, a column for each."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.motion.table import cell
from visavox.runtime.tables import markdown_table

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
"""Value to its heading and the digits after its point."""


def values_table(lines: Mapping[str, Mapping[str, float]]) -> str:
    """Lay out the values of each line."""
    head = ["driven by", *(heading for heading, _ in HEADINGS.values())]
    rows = [
        [name, *(cell(values.get(key), decimals) for key, (_, decimals) in HEADINGS.items())]
        for name, values in lines.items()
    ]
    return markdown_table(head, rows)
