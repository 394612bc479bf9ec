"""Real faces for the tests of the face package: the bundled clip and a public-domain portrait."""

import itertools
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
import skimage.data

from visavox.demo import FACE
from visavox.face.track.tracker import RegionTracker, open_tracker
from visavox.media.reader import VideoReader


@pytest.fixture(scope="session")
def speaker() -> list[np.ndarray]:
    """The first 24 frames of the bundled clip, 360x288, one frontal face of some 105x132 pixels."""
    with VideoReader(FACE) as reader:
        return [frame.image for frame in itertools.islice(reader, 24)]


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """A portrait of another person, 512x512, with a face of some 92x112 pixels around (225, 115)."""
    result: np.ndarray = skimage.data.astronaut()
    return result


@pytest.fixture(scope="session")
def portrait_frame(portrait: np.ndarray) -> np.ndarray:
    """The portrait cut to the size of the clip's frames."""
    return np.ascontiguousarray(portrait[:288, 60:420])


@pytest.fixture(scope="session")
def tracker() -> Iterator[RegionTracker]:
    with open_tracker(max_faces=4) as opened:
        yield opened


@pytest.fixture
def fresh_tracker(tracker: RegionTracker) -> RegionTracker:
    """The tracker, told that the next picture continues nothing."""
    tracker.reset()
    return tracker


@pytest.fixture(scope="session")
def place() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    return place_picture


def place_picture(
    picture: np.ndarray,
    center: tuple[int, int],
    scale: float = 1.0,
    angle: float = 0.0,
    size: tuple[int, int] = (640, 480),
    gray: int = 70,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a picture, scaled and turned (degrees, anticlockwise), around a point of a gray canvas (width, height)."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
    matrix[:, 2] += np.array(center) - np.array([(width - 1) / 2, (height - 1) / 2])
    canvas = np.full((size[1], size[0], 3), gray, np.uint8)
    source = picture
    if scale < 1:
        blur = 0.4 / scale
        source = cv2.GaussianBlur(picture, (0, 0), blur)
    cv2.warpAffine(source, matrix, size, dst=canvas, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    return canvas, matrix
