"""Makes docs/pictures/landmarks-68.png: which 68 of the 478 landmarks stand for the points of iBUG 300-W.

    python tools/draw_landmarks.py [OUTPUT.png]

The canonical face from the front, its mouth opened so that the inner lips come apart. Grey: the 478 points. Blue: the
68, with their number, and below it, grey, that of the face mesh point.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from visavox.face.geometry.landmarks import IBUG_68
from visavox.face.geometry.pose import canonical_face

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "landmarks-68.png"
SCALE = 84
"""Pixels in a centimetre."""
MARGIN = 70
OPENING = 1.6
"""Centimetres by which the lower lip and the chin are moved down."""
LINES = (
    range(17), range(17, 22), range(22, 27), range(27, 31), range(31, 36), (*range(36, 42), 36), (*range(42, 48), 42),
    (*range(48, 60), 48), (*range(60, 68), 60),
)  # fmt: skip
MESH, LINE, POINT, MESH_NUMBER = (205, 205, 205), (150, 180, 226), (26, 84, 170), (120, 120, 120)
"""RGB."""
ASIDE = {48: -26, 60: 22, 64: -22, 54: 26}
"""Pixels by which the numbers of the corners of the mouth are moved, so that they do not lie on each other."""


def main(arguments: list[str]) -> None:
    """Draw and write."""
    output = Path(arguments[0]) if arguments else OUTPUT
    image = draw(open_mouth(canonical_face()))
    cv2.imwrite(str(output), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{output}: {image.shape[1]} x {image.shape[0]} pixels")


def open_mouth(face: np.ndarray) -> np.ndarray:
    """Move lower lip and chin down: (478, 3) centimetres."""
    lower = [17, 84, 314, 181, 405, 91, 321, 14, 178, 402, 87, 317, 88, 318, 95, 324, 15, 16, 85, 315, 86, 316]
    opened = face.astype(np.float64)
    share = np.clip((face[15, 1] - face[:, 1]) / (face[15, 1] - face[152, 1]), 0, 1)
    share[lower] = 1
    share[[88, 318, 95, 324]] = 0.6
    opened[:, 1] -= OPENING * share
    return opened


def draw(face: np.ndarray) -> np.ndarray:
    """Draw (478, 3) centimetres: uint8 RGB."""
    low, high = face[:, :2].min(axis=0), face[:, :2].max(axis=0)
    pixels = (face[:, :2] - [low[0], high[1]]) * [SCALE, -SCALE] + MARGIN
    width, height = (np.ceil((high - low) * SCALE) + 2 * MARGIN).astype(int)
    image = np.full((height, width, 3), 255, np.uint8)
    for x, y in pixels:
        cv2.circle(image, (round(x * 16), round(y * 16)), 40, MESH, -1, cv2.LINE_AA, 4)
    chosen = pixels[list(IBUG_68)]
    for line in LINES:
        way = np.rint(chosen[list(line)] * 16).astype(np.int32)
        cv2.polylines(image, [way], False, LINE, 2, cv2.LINE_AA, 4)
    for number, (x, y) in enumerate(chosen):
        cv2.circle(image, (round(x * 16), round(y * 16)), 96, POINT, -1, cv2.LINE_AA, 4)
        x += ASIDE.get(number, 0)
        write(image, str(number), (x, y), POINT, 0.62, below=False)
        write(image, str(IBUG_68[number]), (x, y), MESH_NUMBER, 0.42, below=True)
    return image


def write(
    image: np.ndarray, text: str, place: tuple[float, float], color: tuple[int, int, int], scale: float, *, below: bool
) -> None:
    """Write a number centred above or below a point."""
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x, y = round(place[0] - width / 2), round(place[1] + (12 + height if below else -11))
    for ink, thickness in (((255, 255, 255), 5), (color, 2 if not below else 1)):
        cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thickness, cv2.LINE_AA)


if __name__ == "__main__":
    main(sys.argv[1:])
