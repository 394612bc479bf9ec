"""The face networks inside the wheel of mediapipe 0.10.21, driven by a graph of our own.

The `solutions` interface hides where the network looks: it finds faces with the short-range detector only and
follows one region per face by its own rules. Here the attention mesh gets exactly the cut-out that we choose,
so small faces are enlarged, large ones are averaged down without aliasing, and the score is not thrown away.
"""

from __future__ import annotations

import numpy as np

from visavox.face.detect.face_model import Detection, Observation
from visavox.face.detect.import_apart import import_apart
from visavox.face.detect.region import Region, region_of_box
from visavox.runtime.native_output import captured_output
from visavox.types import NUM_LANDMARKS

MESH_SIZE = 192
"""Side of the picture that the attention mesh takes."""
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
            # The libraries say what they have to say at the first picture.
            blank = np.zeros((MESH_SIZE, MESH_SIZE, 3), dtype=np.uint8)
            self.measure(blank, Region(MESH_SIZE / 2, MESH_SIZE / 2, MESH_SIZE, 0.0))
            self.detect(blank)

    def detect(self, image: np.ndarray, *, near: bool = True) -> list[Detection]:
        """Find faces that take more than about a tenth of the picture, surest first; `near`: or overflow it."""
        height, width = image.shape[:2]
        for detector in self._detectors if near else self._detectors[:1]:
            found = detector.process(np.ascontiguousarray(image)).detections
            if found:
                detections = [_to_detection(item, width, height) for item in found]
                return sorted(detections, key=lambda detection: -detection.score)
        return []

    def measure(self, image: np.ndarray, region: Region) -> Observation | None:
        """Find the landmarks of the face in a region; None if the network sees no face at all."""
        outputs = self._mesh.process(region.cut_out(image, MESH_SIZE))
        logit = outputs.presence[0]
        if logit < 0:
            return None
        score = 1 / (1 + np.exp(-(logit - SCORE_CENTER) / SCORE_WIDTH))
        # In the network's coordinates the cut-out spans 0-192 (a mirrored cut-out gives landmarks mirrored about
        # 96 to 0.06 px), in ours the centre of the first pixel is 0.
        points = _assemble(outputs)
        points[:, :2] -= 0.5
        return Observation(region.to_picture(points, MESH_SIZE), float(score))

    def close(self) -> None:
        """Free the networks."""
        for part in (self._mesh, *self._detectors):
            part.close()


def _assemble(outputs) -> np.ndarray:
    """Merge the outputs of the attention mesh into (478, 3) landmarks in pixels of its cut-out."""
    points = np.zeros((NUM_LANDMARKS, 3))
    points[:NUM_MESH_POINTS] = np.reshape(outputs.mesh, (NUM_MESH_POINTS, 3))
    for name, indices in _REFINEMENTS.items():
        points[list(indices), :2] = np.reshape(getattr(outputs, name), (len(indices), 2))
    for iris, eye in (("right_iris", _RIGHT_EYE), ("left_iris", _LEFT_EYE)):
        points[list(_REFINEMENTS[iris]), 2] = points[list(eye[:_NUM_EYE_CONTOUR]), 2].mean()
    return points


def _to_detection(found, width: int, height: int) -> Detection:
    location = found.location_data
    box = location.relative_bounding_box
    x0, y0 = box.xmin * width - 0.5, box.ymin * height - 0.5
    eyes = [np.array([point.x * width, point.y * height]) for point in location.relative_keypoints[:2]]
    region = region_of_box((x0, y0, x0 + box.width * width, y0 + box.height * height), eyes[0], eyes[1])
    return Detection(region, float(found.score[0]))


def _open_mesh_graph():
    """Build the graph picture → attention mesh → one list of numbers for each output."""
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
