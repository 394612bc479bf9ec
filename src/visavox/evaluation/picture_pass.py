"""One pass over the frames of a dubbed video, its truth and its source: every figure that needs pixels."""

from __future__ import annotations

import math
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from visavox.evaluation.face_figures import FaceFeatures, FaceFigures
from visavox.evaluation.face_judges import FaceJudges, FacePass
from visavox.evaluation.pairing import pair_times, read_in_step
from visavox.evaluation.repainted import repainted_region
from visavox.face.geometry.crop import CropSpec, crop_transforms, warp_crop
from visavox.face.geometry.landmarks import RIGID, eye_distance
from visavox.metrics.flicker import FlickerMeter
from visavox.metrics.landmark import fit_similarity
from visavox.metrics.picture import (
    DifferenceHistogram,
    OutsideDifference,
    laplacian_energy,
    mouth_box,
    psnr,
    squared_error,
    ssim,
)
from visavox.progress import Progress
from visavox.types import Frame, PathLike, Track

COINCIDENCE = 0.03
"""Heads are in the same place when rigid points lie within this of each other, in distances of the eye corners."""

_RIGID = list(RIGID)


@dataclass(frozen=True)
class PictureFigures:
    """The part of a report that is measured on pixels; fields as in `Report`."""

    psnr: float = math.nan
    """Of the mouth region, dB."""
    ssim: float = math.nan
    """Of the mouth region."""
    aligned: bool = False
    """The dubbed face was moved onto the true one for PSNR and SSIM."""
    sharpness: float = math.nan
    """Ratio of the energies of fine detail."""
    flicker: float = math.nan
    """Ratio of second differences in time."""
    outside: OutsideDifference | None = None
    """Pixels outside the repainted region."""
    face: FaceFigures | None = None
    """What the judges of the face say; None if there are none."""
    features: FaceFeatures | None = None
    """Inception features of the faces; None if they were not asked for."""


def heads_coincide(dubbed: Track, true: Track, partners: np.ndarray) -> bool:
    """Tell whether the head does the same in both videos, so that pixels can be compared as they are."""
    if dubbed.frame_size != true.frame_size:
        return False
    both = (partners >= 0) & dubbed.usable & true.usable[partners]
    if not both.any():
        return False
    first, second = dubbed.landmarks[both], true.landmarks[partners[both]]
    distance = np.linalg.norm(first[:, _RIGID, :2] - second[:, _RIGID, :2], axis=-1).mean(axis=1)
    return bool(np.median(distance / eye_distance(second)) < COINCIDENCE)


def measure_pictures(
    dubbed: tuple[PathLike, Track],
    true: tuple[PathLike, Track],
    source: tuple[PathLike | None, Track | None],
    partners: np.ndarray,
    codec_loss: bool,
    always_align: bool,
    progress: Progress,
    judges: FaceJudges | None = None,
) -> PictureFigures:
    """Measure every figure that needs pixels, in one pass.

    Args:
        dubbed: path and track of the dubbed video of T frames.
        true: of the recording.
        source: of the video that was dubbed; (None, None) leaves the outside out.
        partners: int (T,), the frame of the truth that belongs to each dubbed frame, -1 for none.
        codec_loss: encode the source once more for comparison.
        always_align: compare the pixels of moved faces, even where the heads coincide.
        progress: the bar.
        judges: networks that judge the face.
    """
    aligned = always_align or not heads_coincide(dubbed[1], true[1], partners)
    pass_ = _PicturePass(dubbed[1], true[1], source[1], aligned)
    if judges is not None:
        pass_.faces = FacePass(judges, dubbed[1], true[1], aligned)
    with ExitStack() as stack:
        readers: list[tuple[PathLike, np.ndarray] | None] = [(true[0], partners), None, None]
        if source[0] is not None and source[1] is not None:
            source_partners = pair_times(dubbed[1].times, source[1].times)
            readers[1] = (source[0], source_partners)
            if codec_loss:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="visavox-"))
                readers[2] = (_encode_again(source[0], Path(folder) / "source.mp4"), source_partners)
        bar = stack.enter_context(progress.bar("measure pictures", dubbed[1].num_frames))
        for frame, (true_frame, source_frame, encoded) in read_in_step(dubbed[0], readers):
            bar.update(1)
            if frame.index >= dubbed[1].num_frames:
                break
            pass_.add_mouth(frame, true_frame)
            if source_frame is not None:
                pass_.add_outside(
                    frame.image, source_frame.image, source_frame.index, None if encoded is None else encoded.image
                )
    return pass_.figures()


class _PicturePass:
    """Gathers the figures frame by frame."""

    def __init__(self, dubbed: Track, true: Track, source: Track | None, aligned: bool) -> None:
        self._dubbed, self._true, self._source, self._aligned = dubbed, true, source, aligned
        self.faces: FacePass | None = None
        # One pixel of a stabilised crop is one pixel of the true recording.
        unit = float(np.nanmedian(eye_distance(true.landmarks[true.usable])))
        spec = CropSpec()
        self._spec = CropSpec(size=2 * max(16, round(spec.side * unit / 2)))
        self._matrices = [crop_transforms(track, self._spec) for track in (dubbed, true)]
        self._flicker = (FlickerMeter(), FlickerMeter())
        self._shots: tuple[int, int] | None = None
        self._errors: list[float] = []
        self._similarities: list[float] = []
        self._energies: tuple[list[float], list[float]] = ([], [])
        self._outside, self._codec = DifferenceHistogram(), DifferenceHistogram()
        if source is not None:
            self._mask_spec = spec.with_margin(1.25, 192)
            self._mask_matrices = crop_transforms(source, self._mask_spec)

    def add_mouth(self, frame: Frame, true: Frame | None) -> None:
        """Take a dubbed frame and its partner in the truth."""
        if true is None or not (self._dubbed.usable[frame.index] and self._true.usable[true.index]):
            self._interrupt()
            return
        image, true_image = frame.image, true.image
        landmarks, true_landmarks = self._dubbed.landmarks[frame.index], self._true.landmarks[true.index]
        box = mouth_box(true_landmarks, self._true.frame_size)
        true_mouth = _cut(true_image, box)
        mouth = _cut(image, mouth_box(landmarks, self._dubbed.frame_size))
        if true_mouth.size == 0 or mouth.size == 0:
            self._interrupt()
            return
        zoom = self._true.frame_size[1] / self._dubbed.frame_size[1]
        if zoom != 1:
            flags = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
            mouth = cv2.resize(mouth, None, fx=zoom, fy=zoom, interpolation=flags)
        self._energies[0].append(laplacian_energy(mouth))
        self._energies[1].append(laplacian_energy(true_mouth))
        beside = _aligned_cut(image, landmarks, true_landmarks, box) if self._aligned else _cut(image, box)
        self._errors.append(squared_error(beside, true_mouth))
        self._similarities.append(ssim(beside, true_mouth))
        self._add_flicker((frame, true))
        if self.faces is not None:
            self.faces.add(frame, true)

    def add_outside(self, image: np.ndarray, source: np.ndarray, index: int, encoded: np.ndarray | None) -> None:
        """Take a dubbed frame, the source's frame of that index and the same encoded once more."""
        if self._source is None or image.shape != source.shape:
            return
        outside = np.ones(image.shape[:2], bool)
        if self._source.usable[index]:
            outside = ~repainted_region(
                self._source.landmarks[index],
                self._mask_matrices[index],
                self._mask_spec.size,
                (image.shape[1], image.shape[0]),
            )
        self._outside.add(image, source, outside)
        if encoded is not None and encoded.shape == source.shape:
            self._codec.add(encoded, source, outside)

    def figures(self) -> PictureFigures:
        """Divide what was gathered."""
        if not self._errors:
            return PictureFigures(aligned=self._aligned)
        face, features = (None, None) if self.faces is None else self.faces.result()
        outside = None
        if self._outside.maximum >= 0:
            outside = OutsideDifference(
                mean=self._outside.mean,
                maximum=self._outside.maximum,
                percentile_99=self._outside.percentile(99),
                codec_mean=self._codec.mean,
                codec_maximum=self._codec.maximum,
            )
        return PictureFigures(
            psnr=psnr(float(np.mean(self._errors))),
            ssim=float(np.mean(self._similarities)),
            aligned=self._aligned,
            sharpness=_ratio(np.mean(self._energies[0]), np.mean(self._energies[1])),
            flicker=_ratio(self._flicker[0].root_energy, self._flicker[1].root_energy),
            outside=outside,
            face=face,
            features=features,
        )

    def _add_flicker(self, frames: tuple[Frame, Frame]) -> None:
        shots = int(self._dubbed.shots[frames[0].index]), int(self._true.shots[frames[1].index])
        if shots != self._shots:
            self._interrupt()
            self._shots = shots
        half = self._spec.size // 2
        for frame, matrices, meter in zip(frames, self._matrices, self._flicker, strict=True):
            # The networks repaint the lower half of the crop.
            meter.add(warp_crop(frame.image, matrices[frame.index], self._spec.size)[half:])

    def _interrupt(self) -> None:
        for meter in self._flicker:
            meter.interrupt()


def _cut(image: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    x0, y0, x1, y1 = box
    return image[y0:y1, x0:x1]


def _aligned_cut(
    image: np.ndarray, landmarks: np.ndarray, true_landmarks: np.ndarray, box: tuple[int, int, int, int]
) -> np.ndarray:
    """Move the dubbed face onto the true one by its rigid points, and cut the true mouth's box out of it."""
    matrix = fit_similarity(landmarks[_RIGID, :2], true_landmarks[_RIGID, :2])
    matrix[:, 2] -= box[:2]
    size = box[2] - box[0], box[3] - box[1]
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _ratio(first: float | np.floating, second: float | np.floating) -> float:
    return float(first / second) if second > 0 else math.nan


def _encode_again(source: PathLike, target: Path) -> Path:
    """Encode a video as a dub does, with nothing painted."""
    from visavox.media import Encoding, VideoReader, VideoWriter

    with (
        VideoReader(source) as reader,
        VideoWriter(target, like=reader.info, encoding=Encoding(), synthetic=False) as writer,
    ):
        for frame in reader:
            writer.write(frame.image, frame.time)
    return target
