"""Looking for faces in an image, however small or turned: the detector on the whole, on parts, on its side.

A face detector sees the image shrunk to some 192 pixels and misses what is under a tenth of it: a face of
100 pixels in a 1280 x 720 frame. So parts of the image are searched as well, all of them when a shot begins
and one at a time afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from visavox.face.detect.face_model import FACE_MARGIN, Detection, FaceModel, Region
from visavox.face.geometry import FaceBox

DETECTOR_SIZE = 256
"""Longer side to which a part is shrunk, by areas, before the detector shrinks it further without care."""
TILE_OVERLAP = 0.3
"""Overlap of neighbouring tiles over their side: a face smaller than that lies whole in one of them."""
BOX_MARGIN = 0.4
"""Room left around a box that a user gave, over its longer side."""
QUARTER_TURNS = (1, 3, 2)
"""Quarter turns (anticlockwise) in which a whole image without upright faces is tried again."""


@dataclass(frozen=True)
class Tile:
    """A part of the image."""

    x0: int
    y0: int
    x1: int
    y1: int


def tiles_of_level(width: int, height: int, level: int) -> list[Tile]:
    """Overlapping squares that cover the image, of side `max(width, height) / 2**level`; level 0 is the whole."""
    if level == 0:
        return [Tile(0, 0, width, height)]
    side = max(width, height) // 2**level
    return [
        Tile(x, y, min(x + side, width), min(y + side, height))
        for y in _starts(height, side)
        for x in _starts(width, side)
    ]


def detect_in_tile(model: FaceModel, image: np.ndarray, tile: Tile, quarter_turns: int = 0) -> list[Detection]:
    """Find faces in a part of an image, uint8 RGB (H, W, 3), optionally turned; regions are in pixels of the whole."""
    part = image[tile.y0 : tile.y1, tile.x0 : tile.x1]
    height, width = part.shape[:2]
    shrink = max(1.0, max(width, height) / DETECTOR_SIZE)
    if shrink > 1:
        size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    seen = np.ascontiguousarray(np.rot90(part, quarter_turns))
    is_whole = image.shape[:2] == (tile.y1, tile.x1) and tile.x0 == tile.y0 == 0
    return [
        Detection(_to_whole(found.region, tile, part.shape[:2], quarter_turns), found.score)
        for found in model.detect(seen, near=is_whole)
    ]


class FaceSearch:
    """Decides where to look next.

    Args:
        model: the detector.
        face_box: look only around this box, x0, y0, x1, y1 in pixels.
    """

    def __init__(self, model: FaceModel, face_box: FaceBox | None = None) -> None:
        self._model = model
        self._face_box = face_box
        self._num_searches = 0

    def everywhere(self, image: np.ndarray) -> Iterator[list[Detection]]:
        """Yield the finds of one part of an image, uint8 RGB (H, W, 3), after the other; stop when satisfied.

        The whole and the half-size tiles are always worth a look; the caller goes on to the quarter-size tiles
        and the turned images only while it has no face.
        """
        height, width = image.shape[:2]
        if self._face_box is not None:
            yield self._in_box(image, self._face_box)
            return
        for level in (0, 1):
            for tile in tiles_of_level(width, height, level):
                yield detect_in_tile(self._model, image, tile)

    def harder(self, image: np.ndarray) -> Iterator[list[Detection]]:
        """Yield what `everywhere` misses in an image (H, W, 3): faces that lie on their side or are very small."""
        height, width = image.shape[:2]
        whole = tiles_of_level(width, height, 0)[0]
        if self._face_box is not None:
            tile = tile_around(self._face_box, width, height)
            for turns in QUARTER_TURNS:
                yield detect_in_tile(self._model, image, tile, turns)
            yield [Detection(region, 0.0) for region in regions_of_box(self._face_box)]
            return
        for turns in QUARTER_TURNS:
            yield detect_in_tile(self._model, image, whole, turns)
        for tile in tiles_of_level(width, height, 2):
            yield detect_in_tile(self._model, image, tile)

    def once(self, image: np.ndarray, has_face: bool) -> Iterator[list[Detection]]:
        """Yield the finds of a quick search of an image (H, W, 3): the whole and one part; either if `has_face`."""
        height, width = image.shape[:2]
        if self._face_box is not None:
            yield self._in_box(image, self._face_box)
            return
        whole = tiles_of_level(width, height, 0)[0]
        tiles = [(tile, 0) for tile in tiles_of_level(width, height, 1)]
        if not has_face:
            yield detect_in_tile(self._model, image, whole)
            tiles += [(tile, 0) for tile in tiles_of_level(width, height, 2)]
            tiles += [(whole, turns) for turns in QUARTER_TURNS]
        elif self._num_searches % 2 == 0:
            tiles = [(whole, 0)]
        number = self._num_searches // 2 if has_face else self._num_searches
        tile, turns = tiles[number % len(tiles)]
        self._num_searches += 1
        yield detect_in_tile(self._model, image, tile, turns)

    def _in_box(self, image: np.ndarray, box: FaceBox) -> list[Detection]:
        """Find the faces around the box, the best centred first."""
        height, width = image.shape[:2]
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        finds = detect_in_tile(self._model, image, tile_around(box, width, height))
        return sorted(finds, key=lambda find: math.hypot(find.region.x - x, find.region.y - y))


def tile_around(box: FaceBox, width: int, height: int) -> Tile:
    """The box with as much room around it as a detector wants, within the image."""
    x0, y0, x1, y1 = box
    margin = BOX_MARGIN * max(x1 - x0, y1 - y0)
    return Tile(
        max(0, math.floor(x0 - margin)),
        max(0, math.floor(y0 - margin)),
        min(width, math.ceil(x1 + margin)),
        min(height, math.ceil(y1 + margin)),
    )


def regions_of_box(box: FaceBox) -> list[Region]:
    """Guess regions for a face that fills the box, or is loosely boxed: the last try when no detector sees it."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    side = max(box[2] - box[0], box[3] - box[1])
    return [Region(x, y, side * FACE_MARGIN, 0.0), Region(x, y, side, 0.0)]


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = math.ceil((length - side) / (side * (1 - TILE_OVERLAP))) + 1
    return [round(index * (length - side) / (count - 1)) for index in range(count)]


def _to_whole(region: Region, tile: Tile, shape: tuple[int, int], quarter_turns: int) -> Region:
    """Carry a region from the shrunk, turned tile to the whole image."""
    height, width = shape
    x, y, angle = region.x, region.y, region.angle
    for remaining in range(quarter_turns, 0, -1):
        # np.rot90 turns anticlockwise: what is at (x, y) in an image of width w lands at (y, w - 1 - x).
        turned_height = width if remaining % 2 else height
        x, y = turned_height - 1 - y, x
        angle += math.pi / 2
    scale_x, scale_y = (tile.x1 - tile.x0) / width, (tile.y1 - tile.y0) / height
    return Region(
        (x + 0.5) * scale_x - 0.5 + tile.x0,
        (y + 0.5) * scale_y - 0.5 + tile.y0,
        region.side * (scale_x + scale_y) / 2,
        math.remainder(angle, 2 * math.pi),
    )
