"""One job from its files to its result, in two passes.

The first pass finds the face in every frame (or reads the track of an earlier job). The second decodes, renders,
pastes and encodes, each in its own thread with short queues between, so that memory does not grow with the length
of the video:

    decoding -> crops and network -> pasting -> encoding
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from visavox.constants import FRAME_RATE
from visavox.dubbing.checks import DubRequest, audio_plan
from visavox.dubbing.drives import prepare_drive
from visavox.dubbing.first_pass import find_tracks
from visavox.dubbing.playback import Moment, Player, Timeline, plan_timeline
from visavox.dubbing.predictor import LipSyncPredictor
from visavox.dubbing.reference import read_references
from visavox.dubbing.settings import DubResult
from visavox.dubbing.speaking_face import SpeakingFace, prepare_face, working_crop
from visavox.dubbing.speech import read_speech
from visavox.dubbing.stream import FaceInFrame, LipSyncStream, RenderedFrame
from visavox.face.composite import CompositeSettings
from visavox.media import VideoWriter
from visavox.progress import Progress
from visavox.runtime.background import Background
from visavox.runtime.device import processor_threads, return_free_memory
from visavox.runtime.job import Stopwatch
from visavox.types import FrameStatus, Track

_FRAMES_AHEAD = 4
"""Rendered frames that wait to be pasted."""
_FRAMES_BETWEEN_CLEANINGS = 250
"""Finished frames after which freed memory goes back: the threads of the second pass free what others took, and what
their arenas keep of it grows for minutes."""
_FADE = 0.12
"""Seconds over which the old mouth comes back where the speech ends and the video goes on."""


def run_passes(request: DubRequest, predictor: LipSyncPredictor, progress: Progress) -> DubResult:
    """Do one job.

    Raises:
        InputError: the video shows no face that can be rendered, or a file cannot be read or written.
    """
    stopwatch, settings = Stopwatch(), request.settings
    with stopwatch.measure("sound"), processor_threads(settings.threads):
        speech = read_speech(request.audio, predictor.spec.audio, close_in_silence=settings.close_in_silence)
    return_free_memory()  # before the tracks, which are the most that a job ever holds
    with stopwatch.measure("track"):
        tracks = find_tracks(request.info, settings, speech.seconds, progress, request.tracks)
    return_free_memory()  # what the tracks were built from
    times = tracks[0].times
    timeline = plan_timeline(
        times,
        frame_period(times),
        speech.seconds,
        extend=settings.extend,
        tail=settings.tail,
        declared=request.info.duration,
    )
    crop = working_crop(predictor.spec.crop, predictor.spec.layered, tracks)
    faces = [prepare_face(track, crop, settings.track_smoothing) for track in tracks]
    with stopwatch.measure("motion"), processor_threads(settings.threads):
        drive = prepare_drive(predictor.backend, speech, tracks, settings, request.motion, progress)
    if settings.reference != "same":
        with stopwatch.measure("references"):
            _add_references(request, tracks, faces, crop.size)
    plan = _Plan(times, timeline, faces, speech.seconds)
    stream = LipSyncStream(
        predictor,
        drive,
        crop_size=crop.size,
        composite=CompositeSettings(
            match_color=settings.match_color, sharpen=settings.sharpen, keep_detail=settings.keep_detail
        ),
        batch_size=settings.batch_size,
        audio_lead=settings.audio_lead,
    )
    del tracks, speech  # a hundred megabytes for ten minutes
    request = replace(request, tracks=None, motion=None)
    return_free_memory()
    return _second_pass(request, stream, plan, progress, stopwatch)


def frame_period(times: Sequence[Fraction]) -> Fraction:
    """The usual seconds from frame to frame: the median distance, 1/25 for a single image."""
    if len(times) < 2:
        return Fraction(1, FRAME_RATE)
    steps = sorted(later - earlier for earlier, later in pairwise(times))
    return steps[len(steps) // 2]


def _add_references(request: DubRequest, tracks: list[Track], faces: list[SpeakingFace], size: int) -> None:
    matrices = [face.matrices for face in faces]
    found = read_references(request.info, tracks, matrices, size, request.settings.reference)
    for face, references in zip(faces, found, strict=True):
        face.references = references


class _Plan:
    """Work of the second pass."""

    def __init__(
        self,
        times: Sequence[Fraction],
        timeline: Timeline,
        faces: list[SpeakingFace],
        speech_seconds: Fraction,
    ) -> None:
        self.times = times
        self.timeline = timeline
        self.faces = faces
        self.speech_seconds = speech_seconds

    def faces_at(self, moment: Moment, keep_rest: bool) -> list[FaceInFrame]:
        """Return the faces to render in one frame of the output; none after the speech where the rest is kept."""
        fade = 1.0
        if keep_rest:
            fade = min(1.0, max(0.0, float(self.timeline.speech_end - moment.time) / _FADE))
        found = (face.at(moment.frame, fade) for face in self.faces)
        return [face for face in found if face is not None]

    def reason(self, moment: Moment) -> str:
        """Tell why no mouth was rendered in a frame."""
        statuses = {int(face.status[moment.frame]) for face in self.faces}
        if statuses & {FrameStatus.DETECTED, FrameStatus.INTERPOLATED}:
            return "after the speech"
        return "face turned away" if FrameStatus.TURNED_AWAY in statuses else "no face"


def _second_pass(
    request: DubRequest, stream: LipSyncStream, plan: _Plan, progress: Progress, stopwatch: Stopwatch
) -> DubResult:
    settings, info = request.settings, request.info
    keep_rest = settings.tail == "original" and plan.timeline.duration > plan.timeline.speech_end
    player = Player(info, plan.times, plan.timeline)
    moments = plan.timeline.moments()
    reasons: Counter[str] = Counter()
    audio = audio_plan(info, request.audio, settings, tail_original=keep_rest)
    with (
        VideoWriter(
            request.output, like=info, audio=audio, encoding=settings.encoding, overwrite=settings.overwrite
        ) as writer,
        Background(
            _rendered(player, stream, plan, keep_rest, stopwatch, settings.threads), _FRAMES_AHEAD, "render"
        ) as rendered,
        progress.bar("dubbing", plan.timeline.num_frames) as bar,
    ):
        for number, frame in enumerate(rendered, start=1):
            with stopwatch.measure("composite"):
                image = stream.finish(frame)
            writer.write(image, frame.time)
            moment = next(moments)
            if not frame.faces:
                reasons[plan.reason(moment)] += 1
            bar.update(1)
            if number % _FRAMES_BETWEEN_CLEANINGS == 0:
                return_free_memory()
    return _result(request, plan, player, reasons, stopwatch)


def _rendered(
    player: Player, stream: LipSyncStream, plan: _Plan, keep_rest: bool, stopwatch: Stopwatch, threads: int | None
) -> Iterator[RenderedFrame]:
    """Yield frames with their rendered mouths, in the order of the output; runs in a thread of its own."""
    with processor_threads(threads):
        for moment, image in player:
            faces = plan.faces_at(moment, keep_rest)
            with stopwatch.measure("network"):
                ready = stream.generate(np.require(image, requirements="W"), moment.time, faces)
            yield from ready
        with stopwatch.measure("network"):
            ready = stream.generate_rest()
        yield from ready


def _result(request: DubRequest, plan: _Plan, player: Player, reasons: Counter[str], stopwatch: Stopwatch) -> DubResult:
    timeline = plan.timeline
    decisions = list(timeline.decisions)
    if player.truncated:
        end = float(plan.times[-1] + frame_period(plan.times))
        decisions.append(f"the video breaks off before its end: dubbed up to the break at {end:.2f} s")
    return DubResult(
        output=request.output,
        seconds=float(timeline.duration),
        num_frames=timeline.num_frames,
        num_repainted=timeline.num_frames - reasons.total(),
        passed_through=dict(reasons),
        num_faces=len(plan.faces),
        audio_seconds=float(plan.speech_seconds),
        decisions=tuple(decisions),
        truncated=player.truncated,
        timings={stage: round(seconds, 3) for stage, seconds in stopwatch.finish().items()},
    )
