"""Real faces for the tests of the face package: the bundled clip and a public-domain portrait."""

import itertools

import cv2
import numpy as np
import pytest
import skimage.data

from visavox.demo import FACE
from visavox.face.track.tracker import open_tracker
from visavox.media.reader import VideoReader


@pytest.fixture(scope="session")
def speaker():
    """The first 24 frames of the bundled clip, 360x288, one frontal face of some 105x132 pixels."""
    with VideoReader(FACE) as reader:
        return [frame.image for frame in itertools.islice(reader, 24)]


@pytest.fixture(scope="session")
def portrait():
    """A portrait of another person, 512x512, with a face of some 92x112 pixels around (225, 115)."""
    return skimage.data.astronaut()


@pytest.fixture(scope="session")
def portrait_frame(portrait):
    """The portrait cut to the size of the clip's frames."""
    return np.ascontiguousarray(portrait[:288, 60:420])


@pytest.fixture(scope="session")
def tracker():
    with open_tracker(max_faces=4) as opened:
        yield opened


@pytest.fixture
def fresh_tracker(tracker):
    """The tracker, told that the next picture continues nothing."""
    tracker.reset()
    return tracker


@pytest.fixture(scope="session")
def place():
    return place_picture


def place_picture(picture, center, scale=1.0, angle=0.0, size=(640, 480), gray=70):
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
