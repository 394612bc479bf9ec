"""A dub as a job: checked once, then run with events, a cancel token and a result."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from visavox.dubbing.checks import DubRequest, check_fit, check_model, check_request, choose_settings
from visavox.dubbing.settings import DubResult, DubSettings
from visavox.errors import InputError
from visavox.progress import QUIET, Progress
from visavox.runtime.job import Job
from visavox.types import PathLike

if TYPE_CHECKING:
    from torch import nn

    from visavox.dubbing.predictor import LipSyncPredictor


class DubJob(Job[DubResult]):
    """One dub that passed its checks; the generator is loaded when it is run.

    Attributes:
        settings: how it is done.
    """

    def __init__(
        self, request: DubRequest, model: PathLike | None = None, predictor: LipSyncPredictor | None = None
    ) -> None:
        """Keep what was checked.

        Args:
            request: files and settings.
            model: name or path of a generator's weights, to be loaded when the job is run.
            predictor: a generator that is loaded already, in place of `model`.
        """
        self.settings = request.settings
        self._request: DubRequest | None = request
        self._model, self._predictor = model, predictor

    def _work(self, progress: Progress) -> DubResult:
        from visavox.dubbing.dubber import load_predictor
        from visavox.dubbing.pipeline import run_passes

        predictor = self._predictor
        if predictor is None:
            assert self._model is not None
            predictor = load_predictor(self._model, self.settings.device, self.settings.backend)
        return run_passes(self._hand_over(), predictor, progress)

    def _hand_over(self) -> DubRequest:
        """Return the request and let go of it: tracks are the largest that a job holds, and go with the first pass."""
        request, self._request = self._request, None
        if request is None:
            raise InputError("this job was run before; check the files again for another run")
        return request


def check(
    face: PathLike,
    audio: PathLike,
    output: PathLike,
    *,
    model: PathLike | nn.Module = "wav2lip",
    settings: DubSettings | None = None,
    **options: Any,
) -> DubJob:
    """Check everything about a dub that can be known before the work, and return it as a job.

        job = visavox.check("face.mp4", "speech.wav", "result.mp4", extend="loop")
        result = job.run(on_event=print)

    Args:
        face: a video or an image with a face.
        audio: any file with audio.
        output: the result: .mp4, .mkv, .mov or .webm.
        model: name or path of a generator's weights, or the generator itself.
        settings: how it is done.
        **options: fields of `DubSettings` that differ from `settings`.

    Returns:
        the job.

    Raises:
        InputError: something given cannot be used.
    """
    selected = choose_settings(settings, options)
    request = check_request(face, audio, output, selected)
    if isinstance(model, str | os.PathLike):
        check_model(model, selected)
        return DubJob(request, model)

    from visavox.dubbing.dubber import load_predictor

    predictor = load_predictor(model, selected.device, selected.backend)
    check_predictor(selected, predictor)
    return DubJob(request, predictor=predictor)


def dub(
    face: PathLike,
    audio: PathLike,
    output: PathLike,
    *,
    model: PathLike | nn.Module = "wav2lip",
    settings: DubSettings | None = None,
    progress: Progress = QUIET,
    **options: Any,
) -> DubResult:
    """Make the face in a video or an image say a recording.

        visavox.dub("face.mp4", "speech.wav", "result.mp4", extend="loop")

    Args:
        face: a video or an image with a face.
        audio: any file with audio.
        output: the result: .mp4, .mkv, .mov or .webm.
        model: name or path of a generator's weights, or the generator itself.
        settings: how it is done.
        progress: takes the events, and may cancel the work.
        **options: fields of `DubSettings` that differ from `settings`.

    Returns:
        what was made.

    Raises:
        InputError: something given cannot be used; said before the work wherever it can be known. Nothing is left
            under the name of the output.
    """
    return check(face, audio, output, model=model, settings=settings, **options).run(progress=progress)


def check_predictor(settings: DubSettings, predictor: LipSyncPredictor) -> None:
    """See whether the options are some that a loaded generator understands.

    Raises:
        InputError: an option means nothing to it.
    """
    check_fit(settings, audio_driven=predictor.audio_driven, knows_motion=predictor.knows_motion)
