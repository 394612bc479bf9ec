"""The core that whole files and live streams share: frames and sound in, frames with new mouths out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch

from visavox.audio.features.mel import mel_window, window_start
from visavox.constants import NUM_MEL_BANDS
from visavox.dubbing.network import MouthNetwork
from visavox.face.composite.composite import CompositeSettings, Compositor
from visavox.face.geometry.crop import warp_crop

_LONGEST_PAUSE = 0.2
"""Seconds after which a face that was away is met anew."""


@dataclass(frozen=True)
class FaceInFrame:
    """One face to repaint in one frame."""

    face: int
    """Which face it is: its number among those of the video."""
    matrix: np.ndarray
    """float64 (2, 3), frame pixels to crop pixels."""
    points: np.ndarray
    """float (K, 2), `mask_points` of its landmarks, in frame pixels."""
    reference: np.ndarray | None
    """uint8 RGB (S, S, 3), what the network is shown of this face; None: the frame's own crop."""
    shot: int = 0
    """Number of the shot: across a cut nothing is smoothed."""
    strength: float = 1.0
    """Share, 0-1, of the painted mouth in the mixture with the old one: fades where painting begins or ends."""
    expressiveness: float = 1.0
    """How widely the mouth moves, 1 as the network says."""
    motion: np.ndarray | None = None
    """float32 (K,): what the mouth does, for a network that does not hear."""


@dataclass
class PaintedFrame:
    """A frame whose mouths are painted but not yet pasted."""

    image: np.ndarray
    """uint8 RGB (H, W, 3); becomes the finished frame in place."""
    time: Fraction
    """Seconds from the start of the output."""
    faces: Sequence[FaceInFrame]
    """The faces to repaint; none where the frame passes through."""
    crops: list[np.ndarray] = field(default_factory=list)
    """For each face the frame's own crop, uint8 RGB (S, S, 3)."""
    mouths: list[np.ndarray] = field(default_factory=list)
    """For each face what the network painted, float32 RGB (S, S, 3)."""


class MouthPainter:
    """Paints mouths frame by frame as frames and sound arrive.

    Mel frames are pushed in any portions, and so are frames, in order; finished frames come out in the same order
    as soon as the sound under their window is there and a batch is full. How the input was portioned changes
    nothing in the output.

        painter.push_sound(mel)
        for image, time, faces in frames:
            for finished in painter.push(image, time, faces): ...
        painter.end_sound()
        for finished in painter.flush(): ...

    `push` is `generate` followed by `finish`; a pipeline calls the two in different threads.
    """

    def __init__(
        self,
        network: MouthNetwork,
        *,
        crop_size: int | None = None,
        composite: CompositeSettings | None = None,
        batch_size: int = 8,
        sound_lead: Fraction = Fraction(0),
    ) -> None:
        """Make a painter for one video.

        Args:
            network: the generator.
            crop_size: side of the crops in pixels, if it is not that of the network (`working_crop`).
            composite: how mouths are fitted into frames.
            batch_size: faces painted at a time.
            sound_lead: seconds by which the sound that a mouth shows lies ahead of its frame.
        """
        self._network = network
        self._crop_size = crop_size or network.crop.size
        self._composite = composite
        self._batch_size = batch_size
        self._lead = sound_lead
        self._compositors: dict[int, Compositor] = {}
        self._last_pasted: dict[int, tuple[Fraction, int]] = {}
        self._mel = torch.zeros(NUM_MEL_BANDS, 0)
        self._mel_start = 0  # mel frame that column 0 of self._mel is
        self._sound_ended = False
        self._waiting: deque[PaintedFrame] = deque()

    def push_sound(self, mel: torch.Tensor) -> None:
        """Take the next mel frames, float32 (80, k)."""
        if self._sound_ended:
            raise RuntimeError("sound came after end_sound()")
        self._mel = torch.cat([self._mel, mel], dim=1) if self._mel.shape[1] else mel

    def end_sound(self) -> None:
        """Say that what follows is silence."""
        self._sound_ended = True

    def push(self, image: np.ndarray, time: Fraction, faces: Sequence[FaceInFrame]) -> list[np.ndarray]:
        """Take the next frame; return the frames that are finished now, uint8 RGB (H, W, 3).

        Args:
            image: uint8 RGB (H, W, 3); it is changed in place and given back.
            time: seconds from the start of the output.
            faces: the faces to repaint in it.
        """
        return [self.finish(frame) for frame in self.generate(image, time, faces)]

    def flush(self) -> list[np.ndarray]:
        """Return the frames that are still waiting; sound that has not come is silence."""
        return [self.finish(frame) for frame in self.generate_rest()]

    def generate(self, image: np.ndarray, time: Fraction, faces: Sequence[FaceInFrame]) -> list[PaintedFrame]:
        """Take the next frame as `push` does; return frames that are painted now, for `finish`."""
        self._waiting.append(PaintedFrame(image, time, faces))
        painted: list[PaintedFrame] = []
        while (count := self._full_batch()) > 0:
            painted += self._run(count)
        return painted

    def generate_rest(self) -> list[PaintedFrame]:
        """Paint everything that waits."""
        self.end_sound()
        painted: list[PaintedFrame] = []
        while self._waiting:
            painted += self._run(self._full_batch() or len(self._waiting))
        return painted

    def finish(self, frame: PaintedFrame) -> np.ndarray:
        """Paste the painted mouths; to be called once for each frame, in order."""
        for face, crop, mouth in zip(frame.faces, frame.crops, frame.mouths, strict=True):
            compositor = self._compositors.setdefault(face.face, Compositor(self._composite))
            last_time, last_shot = self._last_pasted.get(face.face, (None, None))
            seconds = 0.0 if last_time is None else float(frame.time - last_time)
            if last_shot != face.shot or seconds > _LONGEST_PAUSE:
                compositor.reset()
            compositor.paste(
                frame.image,
                mouth,
                face.matrix,
                face.points,
                seconds=seconds,
                source_crop=crop,
                strength=face.strength,
            )
            self._last_pasted[face.face] = (frame.time, face.shot)
        return frame.image

    def _window_start(self, time: Fraction) -> int:
        return window_start(time + self._lead, self._network.mel_lead)

    def _is_audible(self, frame: PaintedFrame) -> bool:
        if not self._network.hears:
            return True
        end = self._window_start(frame.time) + self._network.mel_window
        return self._sound_ended or not frame.faces or end <= self._mel_start + self._mel.shape[1]

    def _full_batch(self) -> int:
        """How many waiting frames make the next batch: 0 while it is not full or its sound is missing.

        What makes a batch full does not depend on when frames and sound arrive, so neither do the pictures.
        """
        num_faces = 0
        for count, frame in enumerate(self._waiting, start=1):
            if not self._is_audible(frame):
                return 0
            num_faces += len(frame.faces)
            # Frames without faces fill a batch too: a long stretch of them must not pile up.
            if num_faces == 0 or max(num_faces, count) >= self._batch_size:
                return count
        return 0

    def _run(self, num_frames: int) -> list[PaintedFrame]:
        frames = [self._waiting.popleft() for _ in range(num_frames)]
        faces = [face for frame in frames for face in frame.faces]
        for frame in frames:
            frame.crops.extend(warp_crop(frame.image, face.matrix, self._crop_size) for face in frame.faces)
        if faces:
            crops = [crop for frame in frames for crop in frame.crops]
            references = [
                crop if face.reference is None else face.reference for face, crop in zip(faces, crops, strict=True)
            ]
            mouths = iter(self._paint(frames, np.stack(crops), np.stack(references)))
            for frame in frames:
                frame.mouths.extend(next(mouths) for _ in frame.faces)
        return frames

    def _paint(self, frames: Sequence[PaintedFrame], crops: np.ndarray, references: np.ndarray) -> np.ndarray:
        faces = [face for frame in frames for face in frame.faces]
        if not self._network.hears:
            return self._network.paint_motion(np.stack([_motion(face) for face in faces]), crops, references)
        starts = [self._window_start(frame.time) - self._mel_start for frame in frames for _ in frame.faces]
        windows = np.stack([mel_window(self._mel, start, self._network.mel_window).numpy() for start in starts])
        widths = np.array([face.expressiveness for face in faces], np.float32)
        mouths = self._network.paint(windows, crops, references, widths)
        self._forget_sound(self._window_start(frames[-1].time))
        return mouths

    def _forget_sound(self, before: int) -> None:
        """Drop mel frames that no later frame will hear."""
        drop = min(before - self._mel_start, self._mel.shape[1])
        if drop > 4 * self._network.mel_window:
            self._mel = self._mel[:, drop:]  # a view; the next push_sound copies what is left and frees the rest
            self._mel_start += drop


def _motion(face: FaceInFrame) -> np.ndarray:
    if face.motion is None:
        raise ValueError("this network does not hear; give every face its motion")
    return face.motion
