"""The box by which a user points at a face."""

from __future__ import annotations

from visavox.errors import InputError

FaceBox = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the upright image, half open."""

MIN_SIDE = 16
"""Shortest side of a box, in pixels."""


def parse_face_box(text: str) -> FaceBox:
    """Read a box as users write it, "x0,y0,x1,y1".

    Raises:
        InputError: it is not four numbers in that order.
    """
    try:
        x0, y0, x1, y1 = (float(number) for number in text.split(","))
    except ValueError:
        raise InputError(
            f"the face box '{text}' is not x0,y0,x1,y1; give four numbers of pixels, such as 200,80,420,360"
        ) from None
    return x0, y0, x1, y1


def check_face_box(box: FaceBox, frame_size: tuple[int, int]) -> None:
    """Check that a box is one, and lies in an image of (width, height).

    Raises:
        InputError: it does not.
    """
    x0, y0, x1, y1 = box
    width, height = frame_size
    named = ",".join(f"{number:g}" for number in box)
    if not (x1 - x0 >= MIN_SIDE and y1 - y0 >= MIN_SIDE):
        raise InputError(
            f"the face box {named} has no room for a face; give x0,y0,x1,y1 with x1 and y1 at least {MIN_SIDE} pixels "
            "beyond x0 and y0"
        )
    if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
        raise InputError(f"the face box {named} reaches beyond the image, which is {width} x {height} pixels")


def is_inside(box: FaceBox, x: float, y: float) -> bool:
    """Return True if a point lies in a box."""
    return box[0] <= x < box[2] and box[1] <= y < box[3]
