"""From the images of a video to clip files: one pass, and no more in memory than the clips under way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from visavox.constants import FRAME_RATE, SAMPLES_PER_FRAME
from visavox.data.generator import STORED_MARGIN, ClipFile, encode_jpeg, save_clip
from visavox.data.preparation.dataset_folder import ClipEntry
from visavox.data.preparation.lag import lip_agreement, shift_audio
from visavox.data.preparation.quality import (
    blur,
    covered_share,
    face_size,
    loudness,
    mouth_patch,
)
from visavox.data.preparation.settings import QualitySettings
from visavox.data.preparation.stretches import Dropped, Fault, GridTrack, Stretch, runs_of_equals
from visavox.errors import InputError
from visavox.face.geometry.crop import CropSpec, crop_transforms, warp_crop
from visavox.face.geometry.landmarks import mouth_opening
from visavox.face.geometry.motion import displacements_of, track_confidence
from visavox.face.geometry.pose import head_angles
from visavox.types import Frame, FrameStatus

_BLUR_EVERY = 5  # frames; blur changes slowly


@dataclass(frozen=True)
class ClipAudio:
    """The audio of a video, as its clips need it."""

    waveform: np.ndarray
    """float32 (N,), 16 kHz, sample 0 at the first image as recorded."""
    mel: np.ndarray
    """float32 (80, M) of it."""
    lag: float
    """Seconds to correct; negative: the audio comes late."""


@dataclass
class _Cut:
    """A stretch that is being cut out."""

    grid: GridTrack
    matrices: np.ndarray
    stretch: Stretch
    jpegs: list[np.ndarray] = field(default_factory=list)
    landmarks: list[np.ndarray] = field(default_factory=list)
    patches: list[np.ndarray] = field(default_factory=list)
    blurs: list[float] = field(default_factory=list)

    @property
    def next_point(self) -> int:
        """The point of the grid whose image is to come next."""
        return self.stretch.start + len(self.jpegs)

    @property
    def is_whole(self) -> bool:
        """True if all frames are there."""
        return len(self.jpegs) == self.stretch.num_frames

    def take(self, image: np.ndarray, frame_index: int, size: int) -> None:
        """Cut the face out of an image, for every point of the grid that shows it."""
        while not self.is_whole and self.grid.indices[self.next_point] == frame_index:
            point = self.next_point
            matrix = self.matrices[frame_index]
            repeats = self.jpegs and self.grid.indices[point - 1] == frame_index
            if repeats:
                self.jpegs.append(self.jpegs[-1])
                self.landmarks.append(self.landmarks[-1])
                self.patches.append(self.patches[-1])
                continue
            crop = warp_crop(image, matrix, size)
            landmarks = _to_crop(self.grid.landmarks[point], matrix)
            if len(self.jpegs) % _BLUR_EVERY == 0:
                self.blurs.append(blur(crop))
            self.jpegs.append(encode_jpeg(crop))
            self.landmarks.append(landmarks)
            self.patches.append(mouth_patch(crop, landmarks))


class ClipCutter:
    """Cuts stretches out of the images of one video and saves them as clips.

    Args:
        size: side of the stored crops in pixels.
        quality: the limits.
        audio: the audio of the video.
        folder: where the clips go.
        clip_name: what their names begin with.
    """

    def __init__(self, size: int, quality: QualitySettings, audio: ClipAudio, folder: Path, clip_name: str) -> None:
        self.spec = CropSpec().with_margin(STORED_MARGIN, size)
        self.quality = quality
        self.audio = audio
        self.folder = folder
        self.clip_name = clip_name
        self.clips: list[ClipEntry] = []
        self.dropped: list[Dropped] = []

    def cut(
        self, frames: Iterable[Frame], wanted: list[tuple[GridTrack, Stretch]], advance: Callable[[int], object]
    ) -> None:
        """Cut all wanted stretches.

        Args:
            frames: the images of the video, in order.
            wanted: faces and the stretches to cut of each.
            advance: called with 1 for every image.

        Raises:
            InputError: the images end before the last stretch.
        """
        matrices = {id(grid): crop_transforms(grid.track, self.spec) for grid, _ in wanted}
        coming = [_Cut(grid, matrices[id(grid)], stretch) for grid, stretch in wanted]
        coming.sort(key=lambda cut: (cut.stretch.start, cut.grid.track.face_id))
        if not coming:
            return
        for frame in frames:
            for cut in coming:
                if cut.grid.indices[cut.stretch.start] > frame.index:
                    break
                cut.take(frame.image, frame.index, self.spec.size)
            for cut in [cut for cut in coming if cut.is_whole]:
                self._finish(cut)
                coming.remove(cut)
            advance(1)
            if not coming:
                return
        raise InputError("its images ended earlier than when the face was tracked; the file is damaged")

    def _finish(self, cut: _Cut) -> None:
        """Check what could only be seen in the crops, and save what is left."""
        stretch, face = cut.stretch, cut.grid.track.face_id
        blurred = float(np.median(cut.blurs))
        if blurred > self.quality.maximum_blur:
            self.dropped.append(Dropped(stretch.start, stretch.stop, Fault.BLURRED, blurred, face))
            return
        share = covered_share(np.stack(cut.patches))
        covered = share > self.quality.maximum_covered
        for first, last in runs_of_equals(covered, np.zeros_like(covered)):
            start, stop = stretch.start + first, stretch.start + last
            if covered[first]:
                worst = float(share[first:last].max())
                self.dropped.append(Dropped(start, stop, Fault.COVERED, worst, face))
            elif last - first < self.quality.minimum_seconds * FRAME_RATE:
                self.dropped.append(Dropped(start, stop, Fault.TOO_SHORT, (last - first) / FRAME_RATE, face))
            else:
                self._save(cut, first, last, blurred)

    def _save(self, cut: _Cut, first: int, last: int, blurred: float) -> None:
        """Save frames `first` to `last` of a stretch as a clip, unless nothing is heard in it."""
        start, num_frames = cut.stretch.start + first, last - first
        samples = num_frames * SAMPLES_PER_FRAME
        waveform = shift_audio(self.audio.waveform, self.audio.lag, start * SAMPLES_PER_FRAME, samples)
        level = loudness(waveform)
        face = cut.grid.track.face_id
        if level < self.quality.minimum_level:
            self.dropped.append(Dropped(start, start + num_frames, Fault.NO_AUDIO, level, face))
            return
        track, source_frames = cut.grid.track, cut.grid.indices[start : start + num_frames]
        rotations = track.rotations[source_frames]
        displacements = displacements_of(
            track.landmarks[source_frames], rotations, track.translations[source_frames], track.frame_size
        )
        clip = ClipFile(
            jpegs=cut.jpegs[first:last],
            landmarks=np.stack(cut.landmarks[first:last]),
            audio=np.clip(np.round(waveform * 32768), -32768, 32767).astype(np.int16),
            rotations=rotations,
            spec=self.spec,
            displacements=displacements,
            confidence=track_confidence(track)[source_frames],
        )
        clip_id = f"{self.clip_name}_{len(self.clips):03d}"
        save_clip(clip, self.folder / f"{clip_id}.npz")
        quality = self._values(cut.grid, start, num_frames) | {"blur": blurred, "level": level}
        values = {name: round(value, 4) for name, value in sorted(quality.items())}
        self.clips.append(ClipEntry(clip_id, start / FRAME_RATE, num_frames, cut.stretch.shot, face, values))

    def _values(self, grid: GridTrack, start: int, num_frames: int) -> dict[str, float]:
        """Measure a clip on the landmarks and the audio of its video."""
        points = slice(start, start + num_frames)
        landmarks, frames = grid.landmarks[points], grid.indices[points]
        yaw, pitch, _ = np.abs(head_angles(grid.track.rotations[frames])).mean(axis=0)
        opening = mouth_opening(landmarks)
        return {
            "face": float(np.median(face_size(landmarks))),
            "yaw": float(yaw),
            "pitch": float(pitch),
            "lost": float((grid.track.status[frames] == FrameStatus.INTERPOLATED).mean()),
            "motion": float(opening.std()),
            "agreement": lip_agreement(self.audio.mel, start, opening, self.audio.lag),
        }


def _to_crop(landmarks: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Carry landmarks (478, 3) from the video to the crop; z keeps the scale of x and y."""
    moved = np.empty_like(landmarks)
    moved[:, :2] = cv2.transform(landmarks[None, :, :2].astype(np.float64), matrix)[0]
    moved[:, 2] = landmarks[:, 2] * np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    return moved
