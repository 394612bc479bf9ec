"""Stream of frames with new mouths, which whole files and live sessions share: frames in, frames out, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from visavox.dubbing.drives import Drive, FaceMoment
from visavox.dubbing.predictor import LipSyncPredictor
from visavox.face.composite import CompositeSettings, Compositor
from visavox.face.geometry import warp_crop

_LONGEST_PAUSE = 0.2
"""Seconds after which a face that was away starts afresh."""


@dataclass(frozen=True)
class FaceInFrame:
    """One face to render in one frame."""

    face: int
    """Number of the face among those of the video."""
    matrix: np.ndarray
    """float64 (2, 3), frame pixels to crop pixels."""
    points: np.ndarray
    """float (K, 2), `mask_points` of its landmarks, in frame pixels."""
    reference: np.ndarray | None
    """uint8 RGB (S, S, 3), what the network is shown of this face; None: the frame's own crop."""
    shot: int = 0
    """Number of the shot: across a cut nothing is smoothed."""
    strength: float = 1.0
    """Share, 0-1, of the rendered mouth in the mixture with the old one: fades where rendering begins or ends."""


@dataclass
class RenderedFrame:
    """A frame whose mouths are rendered but not yet pasted."""

    image: np.ndarray
    """uint8 RGB (H, W, 3); becomes the finished frame in place."""
    time: Fraction
    """Seconds from the start of the output."""
    faces: Sequence[FaceInFrame]
    """The faces to render; none where the frame passes through."""
    crops: list[np.ndarray] = field(default_factory=list)
    """For each face the frame's own crop, uint8 RGB (S, S, 3)."""
    mouths: list[np.ndarray] = field(default_factory=list)
    """For each face what the generator rendered, float32 RGB (S, S, 3)."""


class LipSyncStream:
    """Renders mouths frame by frame as frames and audio arrive.

    Audio is pushed to the drive in any portions, and frames are pushed here, in order; finished frames come out in the
    same order as soon as the drive is ready for them and a batch is full. How the input was portioned changes nothing
    in the output.

        drive.push(rows)
        drive.end()
        for image, time, faces in frames:
            for finished in stream.push(image, time, faces): ...
        for finished in stream.flush(): ...

    `push` is `generate` followed by `finish`; a pipeline calls the two in different threads.
    """

    def __init__(
        self,
        predictor: LipSyncPredictor,
        drive: Drive,
        *,
        crop_size: int | None = None,
        composite: CompositeSettings | None = None,
        batch_size: int = 8,
        audio_lead: Fraction = Fraction(0),
    ) -> None:
        """Begin the stream of one video.

        Args:
            predictor: the generator.
            drive: what moves the mouths.
            crop_size: side of the crops in pixels, if it is not that of the generator (`working_crop`).
            composite: how mouths are fitted into frames.
            batch_size: faces rendered at a time.
            audio_lead: seconds by which the audio that a mouth shows lies ahead of its frame.
        """
        self._predictor, self._drive = predictor, drive
        self._crop_size = crop_size or predictor.spec.crop.size
        self._composite = composite
        self._batch_size = batch_size
        self._lead = audio_lead
        self._compositors: dict[int, Compositor] = {}
        self._last_pasted: dict[int, tuple[Fraction, int]] = {}
        self._waiting: deque[RenderedFrame] = deque()

    def push(self, image: np.ndarray, time: Fraction, faces: Sequence[FaceInFrame]) -> list[np.ndarray]:
        """Take the next frame; return the frames that are finished now, uint8 RGB (H, W, 3).

        Args:
            image: uint8 RGB (H, W, 3); it is changed in place and given back.
            time: seconds from the start of the output.
            faces: the faces to render in it.
        """
        return [self.finish(frame) for frame in self.generate(image, time, faces)]

    def flush(self) -> list[np.ndarray]:
        """Return the frames that are still waiting, uint8 RGB (H, W, 3); audio that has not come is silence."""
        return [self.finish(frame) for frame in self.generate_rest()]

    def generate(self, image: np.ndarray, time: Fraction, faces: Sequence[FaceInFrame]) -> list[RenderedFrame]:
        """Take the next frame as `push` does; return frames that are rendered now, for `finish`.

        Args:
            image: uint8 RGB (H, W, 3); `finish` changes it in place.
            time: seconds from the start of the output.
            faces: the faces to render in it.
        """
        self._waiting.append(RenderedFrame(image, time, faces))
        rendered: list[RenderedFrame] = []
        while (count := self._full_batch()) > 0:
            rendered += self._run(count)
        return rendered

    def generate_rest(self) -> list[RenderedFrame]:
        """Render everything that waits."""
        self._drive.end()
        rendered: list[RenderedFrame] = []
        while self._waiting:
            rendered += self._run(self._full_batch() or len(self._waiting))
        return rendered

    def finish(self, frame: RenderedFrame) -> np.ndarray:
        """Paste the rendered mouths; to be called once for each frame, in order.

        Returns:
            The frame's own image, uint8 RGB (H, W, 3), changed in place.
        """
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

    def _full_batch(self) -> int:
        """Count the waiting frames that make the next batch: 0 while it is not full or its audio is missing.

        What makes a batch full does not depend on when frames and audio arrive, so neither do the images.
        """
        num_faces, context = 0, self._predictor.spec.context
        for count, frame in enumerate(self._waiting, start=1):
            if frame.faces and not self._drive.is_ready(frame.time + self._lead):
                return 0
            num_faces += len(frame.faces)
            # Frames without faces fill a batch too: a long stretch of them must not pile up.
            if num_faces == 0 or (max(num_faces, count) >= self._batch_size and count % context == 0):
                return count
        return 0

    def _run(self, num_frames: int) -> list[RenderedFrame]:
        frames = [self._waiting.popleft() for _ in range(num_frames)]
        for frame in frames:
            frame.crops.extend(warp_crop(frame.image, face.matrix, self._crop_size) for face in frame.faces)
        items = [_Item(frame, number) for frame in frames for number in range(len(frame.faces))]
        if items:
            self._render(items)
            self._drive.forget(frames[-1].time + self._lead)
        return frames

    def _render(self, items: Sequence[_Item]) -> None:
        """Render the faces of a batch of frames."""
        spec = self._predictor.spec
        contexts = _contexts(items, spec.context)
        moments = [FaceMoment(one.face.face, one.frame.time + self._lead) for context in contexts for one in context]
        targets = np.stack([np.stack([item.crop for item in context]) for context in contexts])
        references = np.stack([np.stack([context[0].reference] * spec.references) for context in contexts])
        mouths = self._predictor.render(self._drive.conditions(moments), targets, references)
        rendered: dict[tuple[int, int], np.ndarray] = {}
        for context, images in zip(contexts, mouths, strict=True):
            for item, mouth in zip(context, images, strict=True):
                rendered.setdefault(item.key, mouth)  # a frame that fills up its context counts in its own place
        for item in items:
            item.frame.mouths.append(rendered[item.key])


class _Item:
    """One face in one frame of a batch."""

    def __init__(self, frame: RenderedFrame, number: int) -> None:
        self.frame, self.face, self.crop = frame, frame.faces[number], frame.crops[number]
        self.key = (id(frame), number)

    @property
    def reference(self) -> np.ndarray:
        return self.crop if self.face.reference is None else self.face.reference


def _contexts(items: Sequence[_Item], length: int) -> list[list[_Item]]:
    """Group the faces of a batch by face and shot into consecutive frames that are rendered together.

    A group that is too short is filled up with its last frame.
    """
    if length == 1:
        return [[item] for item in items]
    rows: dict[tuple[int, int], list[_Item]] = {}
    for item in items:
        rows.setdefault((item.face.face, item.face.shot), []).append(item)
    groups = [row[first : first + length] for row in rows.values() for first in range(0, len(row), length)]
    return [group + [group[-1]] * (length - len(group)) for group in groups]
