"""The contact sheet of held-out frames: as they were, and as they were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from visavox.media.output import PartialFile
from visavox.protocol.pictures import sheet


def draw_sheet(rows: Sequence[tuple[str, Sequence[np.ndarray]]], output: Path) -> None:
    """Write rows of pictures, each with its name over it, frames from left to right.

    Args:
        rows: names and pictures, uint8 (S, S, 3) of one size.
        output: the picture, .png or .jpg.
    """
    partial = PartialFile(output)
    try:
        Image.fromarray(sheet(rows)).save(partial.path, optimize=True)
        partial.commit()
    finally:
        partial.discard()
