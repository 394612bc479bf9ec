"""Makes docs/pictures/person-data.jpg: what a person's data set holds of one frame.

    python tools/draw_person_data.py [DATA] [OUTPUT.jpg]

DATA is the data folder of an avatar; without it the bundled clip is prepared. From the left: the frame, its masks (head
red, torso and neck green), the empty scene, the torso with the head painted out, and all put together again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from visavox.avatar.dataset.prepare import prepare_person
from visavox.avatar.dataset.report import composed, on_chequers, sheet, tinted
from visavox.avatar.dataset.settings import DataSettings
from visavox.data.radiance import PersonData
from visavox.demo import FACE

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "person-data.jpg"
TILE = 256
FRAMES = 2
"""Rows: so many frames, evenly over the time."""


def main(arguments: list[str]) -> None:
    """Draw and write."""
    output = Path(arguments[1]) if len(arguments) > 1 else OUTPUT
    with tempfile.TemporaryDirectory() as folder:
        if arguments:
            image = draw(PersonData.load(arguments[0]))
        else:
            image = draw(prepare_person(FACE, folder, DataSettings(size=TILE, minimum_seconds=2)).data)
    cv2.imwrite(str(output), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"{output}: {image.shape[1]} x {image.shape[0]} pixels")


def draw(data: PersonData) -> np.ndarray:
    """One row for each frame: uint8 RGB."""
    known = np.flatnonzero(data.usable)
    pictures = []
    for index in known[np.linspace(0, len(known) - 1, FRAMES + 2).astype(int)[1:-1]]:
        pictures += [
            np.asarray(data.frames[index]),
            tinted(data, index),
            data.background,
            on_chequers(data.torso[index], 16),
            composed(data, index),
        ]
    return sheet(pictures, columns=5, tile=TILE)


if __name__ == "__main__":
    main(sys.argv[1:])
