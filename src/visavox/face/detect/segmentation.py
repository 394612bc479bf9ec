"""Telling a person from what is behind them.

`open_segmenter` gives the network that is installed, or a folder of masks that were made elsewhere; whatever offers the
methods of `PersonSegmenter` can take its place.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import cv2
import numpy as np

from visavox.errors import InputError
from visavox.face.detect.face_model import Closeable
from visavox.runtime.native_libraries import captured_output, mark_used

logger = logging.getLogger(__name__)

MASK_SUFFIX = ".png"
"""Ending of the images in a folder of masks."""
BARE_DIGITS = 6
"""Digits of a frame's number in the name of its mask."""


@dataclass(frozen=True)
class Place:
    """The place in an image from which a crop was cut out."""

    video: str
    """Name of the video's file without its ending."""
    frame: int
    """Number of the frame in that video, from 0."""
    box: tuple[int, int, int, int]
    """x0, y0, x1, y1 of the cut-out in pixels of the frame."""


@dataclass(frozen=True)
class PersonMask:
    """A segmentation of the person in an image."""

    person: np.ndarray
    """float32 (H, W) in [0, 1], 1 is all person."""
    head: np.ndarray | None = None
    """float32 (H, W) in [0, 1], the part of it that is head; None where that was not told."""


class PersonSegmenter(Closeable, Protocol):
    """Finds the person in images. Usable as a context manager."""

    def segment(self, image: np.ndarray, place: Place) -> PersonMask | None:
        """Find the person in a cut-out, uint8 RGB (H, W, 3); None if nothing is known of this frame."""
        ...


class _Closing:
    """Makes a context manager of something with `close`."""

    def close(self) -> None:
        """Free what is held; by default nothing is."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SelfieSegmenter(_Closing):
    """The selfie segmentation network inside the wheel of mediapipe 0.10.21 (256 x 256, Apache-2.0).

    It looks at each image alone.

    Raises:
        ImportError: mediapipe is not installed, or is a version that carries no networks.
    """

    def __init__(self) -> None:
        mark_used("the person segmenter")
        with captured_output():
            from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

            self._network: Any = SelfieSegmentation(model_selection=0)
            # What it says of itself, it says at its first image.
            self._network.process(np.zeros((256, 256, 3), dtype=np.uint8))

    def segment(self, image: np.ndarray, place: Place) -> PersonMask:
        """Find the person in a cut-out, uint8 RGB (H, W, 3)."""
        found = self._network.process(np.ascontiguousarray(image)).segmentation_mask
        return PersonMask(np.clip(found, 0.0, 1.0).astype(np.float32))

    def close(self) -> None:
        """Free the network."""
        self._network.close()


class MaskFolder(_Closing):
    """Masks that were made elsewhere, one PNG of the whole frame for each.

    The mask of frame 12 is `000012.png`, in a folder of the video's name (without its ending) or, where there is none,
    in the folder itself. A grey image holds the person, white on black; a colour image holds the head in red and
    torso and neck in green. Grey levels are shares.

    Raises:
        InputError: there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder; give a folder with one mask for each frame: 000000.png ...")
        self._folder = folder

    def segment(self, image: np.ndarray, place: Place) -> PersonMask | None:
        """Read the mask of a cut-out (H, W, 3); None if there is no file, or a damaged one.

        Raises:
            InputError: the mask is smaller than the frame.
        """
        name = f"{place.frame:0{BARE_DIGITS}d}{MASK_SUFFIX}"
        path = self._folder / place.video / name
        if not path.is_file():
            path = self._folder / name
        if not path.is_file():
            return None
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if mask is None or mask.dtype != np.uint8:
            logger.warning("%s is not an image of 8 bits a channel: its frame is left out", path)
            return None
        x0, y0, x1, y1 = place.box
        if mask.shape[0] < y1 or mask.shape[1] < x1:
            raise InputError(
                f"{path} is {mask.shape[1]} x {mask.shape[0]}, smaller than its frame; give masks of the whole frame"
            )
        part = mask[y0:y1, x0:x1].astype(np.float32) / 255
        if part.ndim == 2:
            return PersonMask(part)
        head, torso = part[..., 2], part[..., 1]  # OpenCV reads blue first
        return PersonMask(np.minimum(head + torso, 1.0), head)


def open_segmenter(masks: Path | None = None) -> PersonSegmenter:
    """Open the network that finds people, or a folder of masks.

    Raises:
        InputError: no network is installed, or the folder does not exist.
    """
    if masks is not None:
        return MaskFolder(masks)
    try:
        return SelfieSegmenter()
    except ImportError as error:
        raise InputError(
            f"no network that tells a person from the background is installed ({error}): pip install --no-deps "
            "mediapipe==0.10.21, which carries one, or give masks of your own with --masks FOLDER"
        ) from error
