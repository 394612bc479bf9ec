"""The face networks of Google's `face_landmarker.task`, for installations whose mediapipe carries none.

From 0.10.30 on the wheels of mediapipe have no networks inside. The task file (detector and a mesh of 478 points,
3.8 MB, Apache-2.0) is fetched to the cache at first use.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visavox.errors import InputError
from visavox.face.detect.face_model import Detection, Observation
from visavox.face.detect.import_apart import import_apart
from visavox.face.detect.region import FACE_MARGIN, Region, region_of_landmarks
from visavox.runtime.cache import fetch_to_cache
from visavox.runtime.native_output import captured_output

TASK_URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
)
TASK_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
TASK_NAME = "face_landmarker.task"

CUT_OUT_SIZE = 384
"""Side of the cut-out that the task searches and measures."""
CUT_OUT_MARGIN = 1.25
"""Side of the cut-out over that of the region: the task's own detector wants some room around a face."""
MESH_SIZE = 256
"""Side of the picture that the task's mesh network takes."""
ACCEPTED_SCORE = 1.0
"""Score given to every face that the task reports: it does not tell its own."""


def open_mediapipe_task() -> MediapipeTask:
    """Open the task file, fetching it if need be.

    Raises:
        InputError: mediapipe is not installed, or the file can be neither found nor fetched.
    """
    try:
        with captured_output():
            import_apart("mediapipe.tasks.python.vision")
    except ImportError as error:
        raise InputError(
            f"no face tracker is installed ({error}): pip install 'visavox[face]', "
            "or pip install --no-deps mediapipe==0.10.21, which carries its networks"
        ) from error
    return MediapipeTask(fetch_to_cache(TASK_NAME, TASK_URL, TASK_SHA256, "the face landmark networks"))


class MediapipeTask:
    """FaceModel of mediapipe's tasks interface.

    Args:
        path: the task file.
        max_faces: most faces found in one picture.
    """

    def __init__(self, path: Path, max_faces: int = 8) -> None:
        with captured_output():
            from mediapipe.tasks.python import BaseOptions, vision

            options = vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=path.read_bytes()),
                running_mode=vision.RunningMode.IMAGE,
                num_faces=max_faces,
                min_face_detection_confidence=0.4,
            )
            self._landmarker = vision.FaceLandmarker.create_from_options(options)
            self._find(np.zeros((CUT_OUT_SIZE, CUT_OUT_SIZE, 3), dtype=np.uint8))

    def detect(self, image: np.ndarray, *, near: bool = True) -> list[Detection]:
        """Find faces that take more than about a tenth of the picture, largest first; `near` changes nothing."""
        found = [region_of_landmarks(points) for points in self._find(image)]
        return [Detection(region, ACCEPTED_SCORE) for region in sorted(found, key=lambda region: -region.side)]

    def measure(self, image: np.ndarray, region: Region) -> Observation | None:
        """Find the landmarks of the face in a region, the one nearest to its middle; None if there is none."""
        wider = Region(region.x, region.y, region.side * CUT_OUT_MARGIN, region.angle)
        found = self._find(wider.cut_out(image, CUT_OUT_SIZE))
        if not found:
            return None
        middle = np.full(2, (CUT_OUT_SIZE - 1) / 2)
        nearest = min(found, key=lambda points: float(np.linalg.norm(points[:, :2].mean(axis=0) - middle)))
        return Observation(wider.to_picture(nearest, CUT_OUT_SIZE), ACCEPTED_SCORE)

    def close(self) -> None:
        """Free the networks."""
        self._landmarker.close()

    def _find(self, image: np.ndarray) -> list[np.ndarray]:
        """Landmarks (478, 3) of all faces in a picture, in its pixels."""
        from mediapipe import Image, ImageFormat

        height, width = image.shape[:2]
        result = self._landmarker.detect(Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(image)))
        faces = []
        for normalized in result.face_landmarks:
            points = np.array([(point.x * width, point.y * height, point.z * width) for point in normalized])
            # The mesh sees the face at MESH_SIZE pixels, and places points half of such a pixel too far, for its
            # coordinates count from the corner of a pixel and those of the cut-out from its centre.
            points[:, :2] -= 0.5 * FACE_MARGIN * np.ptp(points[:, :2], axis=0).max() / MESH_SIZE
            faces.append(points.astype(np.float32))
        return faces
