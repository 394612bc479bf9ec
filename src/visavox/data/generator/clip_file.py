"""The file of one prepared clip: what training reads, with nothing of the original video left to decode.

A clip is one stretch of video with its speech: one face, 25 frames a second, 16 kHz. Frames are stored as
JPEG, because a thousand clips of raw crops fill a disk and JPEG needs neither a video library nor a seek.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec
from visavox.runtime.files import write_whole
from visavox.types import PathLike

STORED_MARGIN = 1.25
"""A stored crop is wider than the one that a network sees, so augmentation can turn and shift it."""

JPEG_QUALITY = 93


@dataclass
class ClipFile:
    """One prepared clip of T frames."""

    jpegs: list[np.ndarray]
    """T encoded images, uint8 (bytes,), each an RGB crop of `spec.size` pixels."""
    landmarks: np.ndarray
    """float32 (T, 478, 3), x and y in pixels of the stored crop, z in the same scale."""
    audio: np.ndarray
    """int16 (N,), 16 kHz mono; sample 0 is heard with frame 0, lag already corrected."""
    rotations: np.ndarray
    """float32 (T, 3, 3), head space to camera."""
    spec: CropSpec
    """The crop that the frames were cut with (the margin included)."""
    displacements: np.ndarray
    """float32 (T, 68, 3), the motion of the face: centimetres from the canonical face, in head space
    (`visavox.types.Motion`)."""
    confidence: np.ndarray
    """float32 (T,) in [0, 1], how far the landmarks can be trusted; 0 where the face was not seen."""

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.jpegs)

    def frame(self, index: int) -> np.ndarray:
        """Decode one crop: uint8 RGB (size, size, 3)."""
        return decode_jpeg(self.jpegs[index])


def encode_jpeg(crop: np.ndarray) -> np.ndarray:
    """Encode an image, uint8 RGB (H, W, 3), as a JPEG file, uint8 (bytes,)."""
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded


def decode_jpeg(encoded: np.ndarray) -> np.ndarray:
    """Decode a JPEG file, uint8 (bytes,), to an image, uint8 RGB (H, W, 3).

    Raises:
        InputError: it is damaged.
    """
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if decoded is None:
        raise InputError("a frame of a prepared clip cannot be decoded; prepare the data set again")
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def save_clip(clip: ClipFile, path: PathLike) -> None:
    """Write a clip; the file appears under its name only when it is whole."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        "jpegs": np.concatenate(clip.jpegs),
        "jpeg_ends": np.cumsum([len(jpeg) for jpeg in clip.jpegs], dtype=np.int64),
        "landmarks": clip.landmarks.astype(np.float32),
        "audio": clip.audio.astype(np.int16),
        "rotations": clip.rotations.astype(np.float32),
        "displacements": clip.displacements.astype(np.float32),
        "confidence": clip.confidence.astype(np.float32),
        "crop": np.array([clip.spec.size, clip.spec.side, clip.spec.center_down], dtype=np.float64),
    }
    write_whole(target, lambda file: np.savez(file, allow_pickle=False, **arrays))


def load_clip(path: PathLike) -> ClipFile:
    """Read a clip.

    Raises:
        InputError: the file is missing, is not a prepared clip, or is one of an earlier version.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if "jpegs" in arrays and "displacements" not in arrays:
                raise InputError(
                    f"{path} was prepared by an earlier version and holds no motion; prepare the data set again with "
                    "`visavox prepare --redo`"
                )
            size, side, center_down = arrays["crop"]
            return ClipFile(
                jpegs=np.split(arrays["jpegs"], arrays["jpeg_ends"][:-1]),
                landmarks=arrays["landmarks"],
                audio=arrays["audio"],
                rotations=arrays["rotations"],
                spec=CropSpec(size=int(size), side=float(side), center_down=float(center_down)),
                displacements=arrays["displacements"],
                confidence=arrays["confidence"],
            )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is not a prepared clip ({error}); prepare the dataset again with `visavox prepare`"
        ) from error
