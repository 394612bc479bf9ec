"""Face models of MediaPipe: one for the wheels that carry networks, one for those that fetch them.

`MediapipeMesh` drives the networks inside the wheel of mediapipe 0.10.21 by a graph of our own. The `solutions`
interface hides the region that the network is given: it finds faces with the short-range detector only and follows
one region per face by its own rules. Here the attention mesh gets exactly the cut-out that we choose, so small faces
are enlarged, large ones are averaged down without aliasing, and the score is not thrown away.

`MediapipeTask` is for 0.10.30 and later, whose wheels have no networks inside. Google's `face_landmarker.task`
(detector and a mesh of 478 points, 3.8 MB, Apache-2.0) is fetched to the cache at first use.
"""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from visavox.errors import InputError
from visavox.face.detect.face_model import (
    FACE_MARGIN,
    Detection,
    Observation,
    Region,
    region_of_box,
    region_of_landmarks,
)
from visavox.runtime.cache import fetch_to_cache
from visavox.runtime.native_libraries import captured_output
from visavox.types import NUM_LANDMARKS


def import_apart(name: str) -> ModuleType:
    """Import a module in a thread of its own.

    mediapipe 0.10.21 keeps, for as long as the program runs, the exception that told it that `sounddevice` is missing.
    With the exception stay its traceback, all functions that were being called when mediapipe was imported, and all
    that they hold then and later: the landmarks of the first video (86 MB for ten minutes) and whatever its job made.
    A new thread has called nothing.

    Args:
        name: full name of the module.

    Raises:
        ImportError: as `import` does.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="visavox-import") as pool:
        return pool.submit(importlib.import_module, name).result()


MESH_SIZE = 192
"""Side of the image that the attention mesh takes."""
NUM_MESH_POINTS = 468
MESH_MODEL = "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite"

SCORE_CENTER, SCORE_WIDTH = 10.0, 2.5
"""Logit of the network's presence output that counts as a score of one half, and its change that doubles the odds
e-fold. Measured: faces 18-33 (from the front 23 and more, down to 20 pixels), faces seen upside down and laid upright
by mistake 12-15, a cup of coffee 5. The network's own scale (0, 1) has all of these above 0.99."""

# Outputs of the network in its order; each refined part replaces x and y of the mesh at the points listed below
# (mediapipe/modules/face_landmark/tensors_to_face_landmarks_with_attention.pbtxt, mediapipe 0.10.21).
_OUTPUTS = ("mesh", "lips", "right_eye", "left_eye", "right_iris", "left_iris", "presence")
_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
)  # fmt: skip
_RIGHT_EYE = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24, 23, 22, 26, 112,
    243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
    35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193,
)  # fmt: skip
_LEFT_EYE = (
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339, 254, 253, 252, 256,
    341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442,
    441, 413, 265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336,
    285, 417,
)  # fmt: skip
_REFINEMENTS = {
    "lips": _LIPS,
    "right_eye": _RIGHT_EYE,
    "left_eye": _LEFT_EYE,
    "right_iris": (468, 469, 470, 471, 472),
    "left_iris": (473, 474, 475, 476, 477),
}
_NUM_EYE_CONTOUR = 16
"""The first points of an eye are the lids, whose mean depth an iris gets."""


class MediapipeMesh:
    """FaceModel of mediapipe 0.10.21: full- and short-range detectors and the attention mesh.

    Raises:
        ImportError: mediapipe is not installed, or is a version that carries no networks.
    """

    def __init__(self, min_detection_score: float = 0.4) -> None:
        with captured_output():
            import_apart("mediapipe")
            from mediapipe.python.solutions.face_detection import FaceDetection

            self._mesh = _open_mesh_graph()
            self._detectors = [
                FaceDetection(min_detection_confidence=min_detection_score, model_selection=selection)
                for selection in (1, 0)  # full range, then short range, which alone finds faces that overflow
            ]
            # The libraries say what they have to say at the first image.
            blank = np.zeros((MESH_SIZE, MESH_SIZE, 3), dtype=np.uint8)
            self.measure(blank, Region(MESH_SIZE / 2, MESH_SIZE / 2, MESH_SIZE, 0.0))
            self.detect(blank)

    def detect(self, image: np.ndarray, *, near: bool = True) -> list[Detection]:
        """Find faces in an image, uint8 RGB (H, W, 3), surest first; `near`: also those that overflow it."""
        height, width = image.shape[:2]
        for detector in self._detectors if near else self._detectors[:1]:
            found = detector.process(np.ascontiguousarray(image)).detections
            if found:
                detections = [_to_detection(item, width, height) for item in found]
                return sorted(detections, key=lambda detection: -detection.score)
        return []

    def measure(self, image: np.ndarray, region: Region) -> Observation | None:
        """Find the landmarks of the face in a region of an image, uint8 RGB (H, W, 3), if there is a face."""
        outputs = self._mesh.process(region.cut_out(image, MESH_SIZE))
        logit = outputs.presence[0]
        if logit < 0:
            return None
        score = 1 / (1 + np.exp(-(logit - SCORE_CENTER) / SCORE_WIDTH))
        # In the network's coordinates the cut-out spans 0-192 (a mirrored cut-out gives landmarks mirrored about
        # 96 to 0.06 px), in ours the centre of the first pixel is 0.
        points = _assemble(outputs)
        points[:, :2] -= 0.5
        return Observation(region.to_image(points, MESH_SIZE), float(score))

    def close(self) -> None:
        """Free the networks."""
        for part in (self._mesh, *self._detectors):
            part.close()


def _assemble(outputs: Any) -> np.ndarray:
    """Merge the outputs of the attention mesh into (478, 3) landmarks in pixels of its cut-out."""
    points = np.zeros((NUM_LANDMARKS, 3))
    points[:NUM_MESH_POINTS] = np.reshape(outputs.mesh, (NUM_MESH_POINTS, 3))
    for name, indices in _REFINEMENTS.items():
        points[list(indices), :2] = np.reshape(getattr(outputs, name), (len(indices), 2))
    for iris, eye in (("right_iris", _RIGHT_EYE), ("left_iris", _LEFT_EYE)):
        points[list(_REFINEMENTS[iris]), 2] = points[list(eye[:_NUM_EYE_CONTOUR]), 2].mean()
    return points


def _to_detection(found: Any, width: int, height: int) -> Detection:
    location = found.location_data
    box = location.relative_bounding_box
    x0, y0 = box.xmin * width - 0.5, box.ymin * height - 0.5
    eyes = [np.array([point.x * width, point.y * height]) for point in location.relative_keypoints[:2]]
    region = region_of_box((x0, y0, x0 + box.width * width, y0 + box.height * height), eyes[0], eyes[1])
    return Detection(region, float(found.score[0]))


def _open_mesh_graph() -> Any:
    """Build the graph image → attention mesh → one list of numbers for each output."""
    from google.protobuf import text_format
    from mediapipe.calculators.core import constant_side_packet_calculator_pb2, split_vector_calculator_pb2  # noqa: F401
    from mediapipe.calculators.tensor import image_to_tensor_calculator_pb2, inference_calculator_pb2  # noqa: F401
    from mediapipe.framework import calculator_pb2
    from mediapipe.python.solution_base import PacketDataType, SolutionBase

    config = text_format.Parse(_graph_text(), calculator_pb2.CalculatorGraphConfig())
    hints = dict.fromkeys(_OUTPUTS, PacketDataType.FLOAT_LIST) | {"image": PacketDataType.IMAGE_FRAME}
    return SolutionBase(graph_config=config, outputs=list(_OUTPUTS), stream_type_hints=hints)


def _graph_text() -> str:
    streams = "\n".join(f'output_stream: "{name}"' for name in _OUTPUTS)
    tensors = "\n".join(f'output_stream: "{name}_tensor"' for name in _OUTPUTS)
    ranges = "\n".join(f"ranges {{ begin: {index} end: {index + 1} }}" for index in range(len(_OUTPUTS)))
    to_floats = "\n".join(
        f'node {{ calculator: "TensorsToFloatsCalculator" '
        f'input_stream: "TENSORS:{name}_tensor" output_stream: "FLOATS:{name}" }}'
        for name in _OUTPUTS
    )
    return f"""
        input_stream: "image"
        {streams}
        node {{
          calculator: "ImageToTensorCalculator"
          input_stream: "IMAGE:image"
          output_stream: "TENSORS:input"
          options {{ [mediapipe.ImageToTensorCalculatorOptions.ext] {{
            output_tensor_width: {MESH_SIZE} output_tensor_height: {MESH_SIZE}
            output_tensor_float_range {{ min: 0 max: 1 }} }} }}
        }}
        node {{ calculator: "TfLiteCustomOpResolverCalculator" output_side_packet: "OP_RESOLVER:resolver" }}
        node {{
          calculator: "ConstantSidePacketCalculator"
          output_side_packet: "PACKET:path"
          options {{ [mediapipe.ConstantSidePacketCalculatorOptions.ext] {{
            packet {{ string_value: "{MESH_MODEL}" }} }} }}
        }}
        node {{
          calculator: "ResourceProviderCalculator"
          input_side_packet: "RESOURCE_ID:path"
          output_side_packet: "RESOURCE:resource"
        }}
        node {{
          calculator: "TfLiteModelCalculator"
          input_side_packet: "MODEL_RESOURCE:resource"
          output_side_packet: "MODEL:model"
        }}
        node {{
          calculator: "InferenceCalculatorCpu"
          input_stream: "TENSORS:input"
          output_stream: "TENSORS:output"
          input_side_packet: "MODEL:model"
          input_side_packet: "OP_RESOLVER:resolver"
          options {{ [mediapipe.InferenceCalculatorOptions.ext] {{ delegate {{ xnnpack {{ num_threads: 1 }} }} }} }}
        }}
        node {{
          calculator: "SplitTensorVectorCalculator"
          input_stream: "output"
          {tensors}
          options {{ [mediapipe.SplitVectorCalculatorOptions.ext] {{ {ranges} }} }}
        }}
        {to_floats}
    """


TASK_URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
)
TASK_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
TASK_NAME = "face_landmarker.task"

CUT_OUT_SIZE = 384
"""Side of the cut-out that the task searches and measures."""
CUT_OUT_MARGIN = 1.25
"""Side of the cut-out over that of the region: the task's own detector wants some room around a face."""
TASK_MESH_SIZE = 256
"""Side of the image that the task's mesh network takes."""
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
        max_faces: most faces found in one image.
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
        """Find faces in an image, uint8 RGB (H, W, 3), largest first; `near` changes nothing."""
        found = [region_of_landmarks(points) for points in self._find(image)]
        return [Detection(region, ACCEPTED_SCORE) for region in sorted(found, key=lambda region: -region.side)]

    def measure(self, image: np.ndarray, region: Region) -> Observation | None:
        """Find the landmarks of the face nearest to the middle of a region of an image, uint8 RGB (H, W, 3), if any."""
        wider = Region(region.x, region.y, region.side * CUT_OUT_MARGIN, region.angle)
        found = self._find(wider.cut_out(image, CUT_OUT_SIZE))
        if not found:
            return None
        middle = np.full(2, (CUT_OUT_SIZE - 1) / 2)
        nearest = min(found, key=lambda points: float(np.linalg.norm(points[:, :2].mean(axis=0) - middle)))
        return Observation(wider.to_image(nearest, CUT_OUT_SIZE), ACCEPTED_SCORE)

    def close(self) -> None:
        """Free the networks."""
        self._landmarker.close()

    def _find(self, image: np.ndarray) -> list[np.ndarray]:
        """Landmarks (478, 3) of all faces in an image, in its pixels."""
        from mediapipe import Image, ImageFormat

        height, width = image.shape[:2]
        result = self._landmarker.detect(Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(image)))
        faces = []
        for normalized in result.face_landmarks:
            points = np.array([(point.x * width, point.y * height, point.z * width) for point in normalized])
            # The mesh sees the face at TASK_MESH_SIZE pixels, and places points half of such a pixel too far, for its
            # coordinates count from the corner of a pixel and those of the cut-out from its centre.
            points[:, :2] -= 0.5 * FACE_MARGIN * np.ptp(points[:, :2], axis=0).max() / TASK_MESH_SIZE
            faces.append(points.astype(np.float32))
        return faces
