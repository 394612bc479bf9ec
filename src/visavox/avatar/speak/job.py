"""An avatar speaks: from a recording to a video.

    speech ──► motion ──► the person's speaking style ──► within their range ──► blinks ─┐
    pose: video to and fro │ still │ of a video ───────────────────────────────┴► head, torso ──► composite ──► file

Motion and pose are made for the whole recording first, a kilobyte a frame. Images are streamed: they are rendered,
put before their background (or into the video) and encoded in threads of their own, with short queues between.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from visavox.avatar.format import AvatarFolder, find_avatar, read_avatar
from visavox.avatar.speak.checks import (
    CheckedFiles,
    SpeakRequest,
    check_files,
    check_request,
    choose_settings,
    open_writer,
    source_plan_of,
)
from visavox.avatar.speak.compositing import Paster, TrueFace, open_backdrop, resized
from visavox.avatar.speak.motion_range import MotionRange
from visavox.avatar.speak.pose_track import borrowed_pose, endless_pose, still_pose
from visavox.avatar.speak.renderer import Layers, Renderer
from visavox.avatar.speak.settings import AvatarSpeakSettings
from visavox.avatar.speak.source_plan import SourcePlan
from visavox.constants import FRAME_RATE
from visavox.models.radiance import check_compiler, compile_networks
from visavox.motion.blink import find_blinks, with_rendered_blinks
from visavox.motion.performance import capture_motion
from visavox.motion.speech_to_motion import SpeechToMotionSettings, speech_to_motion
from visavox.progress import QUIET, Progress
from visavox.runtime.background import Background
from visavox.runtime.device import choose_device, processor_threads, return_free_memory
from visavox.runtime.job import Job, Stopwatch
from visavox.types import HeadPose, Motion, PathLike

_FRAMES_AHEAD = 4
"""Rendered frames that wait to be put together."""
_FRAMES_BETWEEN_CLEANINGS = 250
"""Finished frames after which freed memory goes back."""


@dataclass(frozen=True)
class SpeakResult:
    """The video that was written, and how it was made."""

    output: str
    """Path of the result."""
    seconds: float
    """Length of the result in seconds."""
    num_frames: int
    """Frames of the result, 25 a second."""
    width: int
    """Width of its images, pixels."""
    height: int
    """Height of its images, pixels."""
    num_blinks: int
    """Number of blinks."""
    decisions: tuple[str, ...] = ()
    """Decisions on the way, in words."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds of each stage: motion, render, compose, and total. Render and compose overlap, and with encoding."""

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)

    def summary(self) -> str:
        """Say in one line what was made."""
        blinks = f"{self.num_blinks} blink{'s' * (self.num_blinks != 1)}"
        return (
            f"{self.output}: {self.seconds:.2f} s, {self.num_frames} frames of {self.width} x {self.height}, {blinks}"
        )


class Avatar:
    """One person, loaded once, who can say anything.

    Example::

        avatar = Avatar.load("AVATAR/")
        avatar.speak("hello.wav", "hello.mp4")
        avatar.speak("bye.wav", "bye.mp4", pose="still", background="green")
    """

    def __init__(self, parts: AvatarFolder, device: torch.device) -> None:
        self.parts = parts
        self.device = device
        self.motion_range = MotionRange(parts.motion)

    @classmethod
    def load(cls, name_or_path: PathLike, *, device: str = "auto", compile: bool = False) -> Avatar:
        """Load an avatar.

        Args:
            name_or_path: the name of one that comes with visavox, or the folder of one.
            device: auto, cpu or cuda.
            compile: compile head and torso when they are first used; on a CUDA device only.

        Raises:
            InputError: there is no such avatar or device, or the avatar is damaged or not finished, or nothing can be
                compiled for the device.
        """
        where = choose_device(device)
        if compile:
            check_compiler(str(where))
        parts = read_avatar(find_avatar(name_or_path), device=str(where))
        if compile:
            compile_networks(parts.head, parts.torso)
        return cls(parts, where)

    def speak(
        self,
        audio: PathLike,
        output: PathLike,
        *,
        settings: AvatarSpeakSettings | None = None,
        progress: Progress = QUIET,
        **options: Any,
    ) -> SpeakResult:
        """Say a recording, of any length.

        Args:
            audio: any file with audio.
            output: the result: .mp4, .mkv, .mov or .webm; .mov or .webm where it is transparent.
            settings: how it is done; `device` and `compile` do not count, which were chosen when the avatar was loaded.
            progress: takes the events, and may cancel the work.
            **options: fields of `AvatarSpeakSettings` that differ from `settings`, such as `pose="still"`.

        Returns:
            what was made.

        Raises:
            InputError: something given cannot be used. Nothing is left under the name of the output.
        """
        return self.check(audio, output, settings=settings, **options).run(progress=progress)

    def check(
        self,
        audio: PathLike,
        output: PathLike,
        *,
        settings: AvatarSpeakSettings | None = None,
        **options: Any,
    ) -> SpeakJob:
        """Check a recording to say, and return it as a job; arguments and errors are those of `speak`."""
        return self.job(check_files(audio, output, choose_settings(settings, options)))

    def job(self, files: CheckedFiles) -> SpeakJob:
        """Check what only the avatar can tell of files that were checked, and return the job.

        Raises:
            InputError: something cannot be used.
        """
        return SpeakJob(self, check_request(self.parts, files))

    def motion_of(
        self, audio: PathLike, settings: AvatarSpeakSettings | None = None, *, progress: Progress = QUIET
    ) -> Motion:
        """Return the motion of the face that says a recording, within the person's own range and without blinks.

        Args:
            audio: any file with audio.
            settings: of which seed and temperature count.
            progress: takes the events.
        """
        settings = settings or AvatarSpeakSettings()
        selected = SpeechToMotionSettings(model=self.parts.info.motion, seed=settings.seed)
        if settings.temperature is not None:
            selected = replace(selected, temperature=settings.temperature)
        motion = speech_to_motion(audio, selected, progress, person=self.parts.motion, adaptation=self.parts.adapter)
        return replace(motion, displacements=self.motion_range.clamp(motion.displacements))


class SpeakJob(Job[SpeakResult]):
    """One recording for an avatar to say, after its checks."""

    def __init__(self, avatar: Avatar, request: SpeakRequest) -> None:
        self._avatar, self._request = avatar, request

    def _work(self, progress: Progress) -> SpeakResult:
        return _Performance(self._avatar, self._request, progress).run()


class _Performance:
    """One recording that is said."""

    def __init__(self, avatar: Avatar, request: SpeakRequest, progress: Progress) -> None:
        self._avatar, self._request, self._progress = avatar, request, progress
        self._stopwatch = Stopwatch()
        self._decisions: list[str] = []

    def run(self) -> SpeakResult:
        """Make the motion, then the images."""
        request, parts, settings = self._request, self._avatar.parts, self._request.settings
        with processor_threads(settings.threads), self._stopwatch.measure("motion"):
            motion = self._avatar.motion_of(request.audio, settings, progress=self._progress)
            motion = with_rendered_blinks(motion, request.blink, parts.motion, settings.seed)
        return_free_memory()
        with self._stopwatch.measure("pose"):
            plan = self._plan_source(motion.num_frames)
            pose = self._pose(motion.num_frames) if plan is None else plan.pose(parts.pose)
        self._write(motion, pose, plan)
        info = request.like
        return SpeakResult(
            output=request.output,
            seconds=motion.num_frames / FRAME_RATE,
            num_frames=motion.num_frames,
            width=info.width,
            height=info.height,
            num_blinks=len(find_blinks(motion)),
            decisions=tuple(self._decisions),
            timings={stage: round(seconds, 3) for stage, seconds in self._stopwatch.finish().items()},
        )

    def _pose(self, num_frames: int) -> HeadPose:
        """Return the pose of the head in every frame."""
        parts, wanted = self._avatar.parts, self._request.settings.pose
        if wanted == "original":
            return endless_pose(parts.pose, parts.stretches, num_frames)
        if wanted == "still":
            return still_pose(parts.pose, num_frames)
        theirs = borrowed_pose(capture_motion(wanted, progress=self._progress).pose, parts.pose)
        return endless_pose(theirs, [(0, theirs.num_frames)], num_frames)

    def _plan_source(self, num_frames: int) -> SourcePlan | None:
        """Plan which frames of the source videos are seen; None where none is."""
        videos = self._request.videos
        if videos is None:
            return None
        plan = source_plan_of(self._avatar.parts, videos, num_frames, self._request.settings.seed)
        videos.locate(plan)
        if len(plan.segments) > 1:
            self._decisions.append(
                f"{plan.num_stretches} stretch{'es' * (plan.num_stretches > 1)} of the source video follow one another "
                f"under the head, in {len(plan.segments)} segments that fade into each other"
            )
        return plan

    def _write(self, motion: Motion, pose: HeadPose, plan: SourcePlan | None) -> None:
        """Render, compose and encode, each in a thread of its own."""
        with ExitStack() as running:
            writer = running.enter_context(open_writer(self._request))
            rendered = running.enter_context(Background(self._rendered(motion, pose), _FRAMES_AHEAD, "render"))
            images = self._before_scene(rendered)
            if plan is not None:
                images = self._in_source(rendered, pose, plan, running)
            bar = running.enter_context(self._progress.bar("rendering", motion.num_frames))
            for number, image in enumerate(images):
                writer.write(image, Fraction(number, FRAME_RATE))
                bar.update(1)
                if (number + 1) % _FRAMES_BETWEEN_CLEANINGS == 0:
                    return_free_memory()

    def _rendered(self, motion: Motion, pose: HeadPose) -> Iterator[Layers]:
        """The person in every frame; runs in a thread of its own."""
        renderer = Renderer(self._avatar.parts, self._request.size, self._avatar.device)
        with processor_threads(self._request.settings.threads):
            for frame in range(motion.num_frames):
                with self._stopwatch.measure("render"):
                    layers = renderer.render(motion.displacements, pose, frame)
                yield layers

    def _before_scene(self, rendered: Background[Layers]) -> Iterator[np.ndarray]:
        """Finished images of a drawn person before a background."""
        request = self._request
        backdrop = open_backdrop(request.settings.background, self._avatar.parts.background, request.size)
        for layers in rendered:
            with self._stopwatch.measure("compose"):
                image = backdrop.put(layers)
            yield image

    def _in_source(
        self, rendered: Background[Layers], pose: HeadPose, plan: SourcePlan, running: ExitStack
    ) -> Iterator[np.ndarray]:
        """Finished images of a drawn head in the frames of the video."""
        request, parts = self._request, self._avatar.parts
        assert parts.info.source is not None
        assert request.videos is not None
        paster = Paster(parts.info.source, parts.camera, parts.motion, resized(parts.background, request.size))
        decoded = running.enter_context(Background(request.videos.play(plan), _FRAMES_AHEAD, "decode"))
        for number, (layers, image) in enumerate(zip(rendered, decoded, strict=True)):
            frames = tuple({int(plan.first[number]), int(plan.second[number])})
            face = TrueFace(frames, pose.rotations[number], pose.translations[number])
            with self._stopwatch.measure("compose"):
                image = paster.paste(image, layers, face)
            yield image
