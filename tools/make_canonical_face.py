"""Makes src/visavox/face/canonical_face.npz: the mean face in centimetres that head pose is fitted to.

    python tools/make_canonical_face.py FOOTAGE.csv [OUTPUT.npz]

FOOTAGE.csv has the columns `file` (relative to the table) and `speaker`; further columns, and rows whose column
`split` is not `train`, are left aside. Every speaker has one vote, whatever the length of the footage.

1. A few frames of each speaker are tracked. Each gives 478 points in three dimensions, x right, y up, z to the viewer,
   up to a similarity transform.
2. Generalised Procrustes analysis (Gower, "Generalized Procrustes Analysis", Psychometrika 40, 1975): all faces are
   laid on the mean by the points that speech does not move, the mean is taken anew, until it rests. Only frontal
   frames with the lips (nearly) shut count, first averaged within each speaker.
3. The mean is made symmetric; every point gets its mirror image.
4. Gauge: the origin is the middle between the outer corners of the eyes; the x axis joins them; the head looks along
   z where the speakers, on average, look at the camera.
5. Scale: the outer corners of the eyes are 8.9 cm apart, the mean of men and women in Farkas, "Anthropometry of the
   Head and Face", 1994 (exocanthion to exocanthion).
"""

from __future__ import annotations

import csv
import random
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from visavox.face.geometry.landmarks import EYE_OUTER_LEFT, EYE_OUTER_RIGHT, RIGID, mouth_opening
from visavox.face.track.tracker import open_tracker
from visavox.media.reader import VideoReader

OUTPUT = Path(__file__).resolve().parent.parent / "src" / "visavox" / "face" / "geometry" / "canonical_face.npz"
EYE_DISTANCE_CM = 8.9
CLIPS_PER_SPEAKER = 5
FRAME_STEP = 6
MAX_FRAMES = 100
MAX_ANGLE = 8.0
"""Degrees of yaw, or of pitch from the median, up to which a face is frontal."""
MAX_OPENING = 0.04
"""Lip opening, in eye distances, up to which a mouth is shut."""
ITERATIONS = 12
MIRROR_PAIRS = ((33, 263), (133, 362), (61, 291), (78, 308), (234, 454), (172, 397), (127, 356), (54, 284), (98, 327))
"""Some pairs that are known to be mirror images; they give the plane of symmetry."""


def main(arguments: list[str]) -> None:
    """Track, average, write."""
    table = Path(arguments[0])
    output = Path(arguments[1]) if len(arguments) > 1 else OUTPUT
    faces, speakers = collect_faces(table)
    points, mirror, num_frames = mean_face(faces, speakers)
    np.savez_compressed(output, points=points.astype(np.float32), mirror=mirror.astype(np.int16))
    print(f"{output}: {num_frames} frontal frames of {len(np.unique(speakers))} speakers")


def collect_faces(table: Path) -> tuple[np.ndarray, np.ndarray]:
    """Track some frames of each speaker: (N, 478, 3) faces, y up and z to the viewer, and (N,) speaker numbers."""
    clips = defaultdict(list)
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row.get("split", "train") == "train":
                clips[row["speaker"]].append(table.parent / row["file"])
    draw = random.Random(0)
    faces, speakers = [], []
    with open_tracker(max_faces=1) as tracker:
        for number, speaker in enumerate(sorted(clips)):
            for clip in draw.sample(clips[speaker], min(CLIPS_PER_SPEAKER, len(clips[speaker]))):
                tracker.reset()
                with VideoReader(clip) as reader:
                    for frame in reader:
                        if frame.index >= MAX_FRAMES:
                            break
                        if frame.index % FRAME_STEP:
                            continue
                        for observation in tracker.observe(frame.image):
                            faces.append(observation.landmarks * np.array([1.0, -1.0, -1.0]))
                            speakers.append(number)
    return np.array(faces, dtype=np.float64), np.array(speakers)


def mean_face(faces: np.ndarray, speakers: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Average faces to (478, 3) centimetres with (478,) mirror indices, and the number of frames that count."""
    mean, mirror = symmetric(faces[0])
    for _ in range(ITERATIONS):
        aligned, heads = zip(*(align(face, mean) for face in faces), strict=True)
        laid, turns = np.array(aligned), np.array(heads)
        frontal = is_frontal(turns) & (mouth_opening(laid) < MAX_OPENING)
        voters = [laid[frontal & (speakers == speaker)] for speaker in np.unique(speakers[frontal])]
        mean = np.mean([voter.mean(axis=0) for voter in voters], axis=0)
        # A head that looks at the camera is at rest: turn the mean by the mean pitch of all.
        mean, mirror = symmetric(mean @ pitch_matrix(float(np.median(pitch(turns)))).T)
    return mean * EYE_DISTANCE_CM, mirror, int(frontal.sum())


def align(face: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay a face on the mean by a similarity transform of the rigid points; also the rotation mean → face."""
    rigid = list(RIGID)
    source, target = face[rigid] - face[rigid].mean(axis=0), mean[rigid] - mean[rigid].mean(axis=0)
    left, singular, right = np.linalg.svd(target.T @ source)
    handedness = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left @ np.diag(handedness) @ right
    scale = (singular * handedness).sum() / (source**2).sum()
    return scale * (face - face[rigid].mean(axis=0)) @ rotation.T + mean[rigid].mean(axis=0), rotation.T


def symmetric(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn a face so that its plane of symmetry is x = 0, find the mirror image of each point, average both sides.

    The eyes' outer corners end up 1 apart, and the middle between them at the origin.
    """
    rights, lefts = np.array(MIRROR_PAIRS).T
    across = (points[lefts] - points[rights]).sum(axis=0)
    across /= np.linalg.norm(across)
    upward = np.cross([0.0, 0.0, 1.0], across)
    upward /= np.linalg.norm(upward)
    turned = points @ np.stack([across, upward, np.cross(across, upward)]).T
    turned[:, 0] -= (turned[lefts, 0] + turned[rights, 0]).mean() / 2
    mirrored = turned * np.array([-1.0, 1.0, 1.0])
    cost = np.linalg.norm(turned[:, None] - mirrored[None], axis=-1)
    # Distances squared make one bad pair dearer than two middling ones.
    mirror = linear_sum_assignment((cost + cost.T) ** 2)[1]
    if (mirror[mirror] != np.arange(len(points))).any():
        raise RuntimeError("the points do not pair up into mirror images")
    even = (turned + mirrored[mirror]) / 2
    even -= (even[EYE_OUTER_RIGHT] + even[EYE_OUTER_LEFT]) / 2
    return even / np.linalg.norm(even[EYE_OUTER_LEFT] - even[EYE_OUTER_RIGHT]), mirror


def is_frontal(heads: np.ndarray) -> np.ndarray:
    """Which of (N, 3, 3) head rotations look at the camera: bool (N,)."""
    yaw = np.degrees(np.arctan2(heads[:, 0, 2], heads[:, 2, 2]))
    tilt = np.degrees(pitch(heads))
    result: np.ndarray = (np.abs(yaw) < MAX_ANGLE) & (np.abs(tilt - np.median(tilt)) < MAX_ANGLE)
    return result


def pitch(heads: np.ndarray) -> np.ndarray:
    """Angle in radians by which (N, 3, 3) heads look up."""
    result: np.ndarray = np.arcsin(np.clip(heads[:, 1, 2], -1, 1))
    return result


def pitch_matrix(angle: float) -> np.ndarray:
    """Rotation that makes a head look up by an angle in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])


if __name__ == "__main__":
    main(sys.argv[1:])
