"""Dubber: loads a generator once, and makes any number of faces speak with it."""

from __future__ import annotations

from typing import Any

from torch import nn

from visavox.dubbing.backends import DEFAULT_BACKEND, find_backend
from visavox.dubbing.checks import check_request, choose_settings
from visavox.dubbing.job import DubJob, check_predictor
from visavox.dubbing.predictor import LipSyncPredictor
from visavox.dubbing.settings import DubResult, DubSettings
from visavox.errors import InputError
from visavox.progress import QUIET, Progress
from visavox.types import PathLike


class Dubber:
    """Makes faces speak; the generator is loaded once.

    Example::

        dubber = Dubber("wav2lip")
        dubber.dub("face.mp4", "hello.wav", "hello.mp4")
        dubber.dub("photo.jpg", "bye.wav", "bye.mp4", extend="loop")
    """

    def __init__(
        self, model: PathLike | nn.Module = "wav2lip", *, device: str = "auto", backend: str = DEFAULT_BACKEND
    ) -> None:
        """Load a generator.

        Args:
            model: name or path of a generator's weights, or the generator itself.
            device: auto, cpu or cuda.
            backend: what runs it, a name of `visavox.dubbing.backends.BACKENDS`.

        Raises:
            InputError: there is no such model, device or backend, or the model is no generator.
        """
        self.predictor = load_predictor(model, device, backend)

    def check(
        self,
        face: PathLike,
        audio: PathLike,
        output: PathLike,
        *,
        settings: DubSettings | None = None,
        **options: Any,
    ) -> DubJob:
        """Check a dub with this network, and return it as a job; arguments and errors are those of `dub`."""
        for name in ("device", "backend"):
            if name in options:
                raise InputError(f"the {name} of a Dubber is chosen when it is made: Dubber(model, {name}=...)")
        selected = choose_settings(settings, options)
        check_predictor(selected, self.predictor)
        return DubJob(check_request(face, audio, output, selected), predictor=self.predictor)

    def dub(
        self,
        face: PathLike,
        audio: PathLike,
        output: PathLike,
        *,
        settings: DubSettings | None = None,
        progress: Progress = QUIET,
        **options: Any,
    ) -> DubResult:
        """Make the face in a video or an image say a recording.

        Args:
            face: a video or an image with a face.
            audio: any file with audio.
            output: the result: .mp4, .mkv, .mov or .webm.
            settings: how it is done.
            progress: takes the events, and may cancel the work.
            **options: fields of `DubSettings` that differ from `settings`, such as `extend="loop"`.

        Returns:
            what was made.

        Raises:
            InputError: something given cannot be used. Nothing is left under the name of the output.
        """
        return self.check(face, audio, output, settings=settings, **options).run(progress=progress)


def load_predictor(
    model: PathLike | nn.Module, device: str = "auto", backend: str = DEFAULT_BACKEND
) -> LipSyncPredictor:
    """Load a generator and make it ready.

    Args:
        model: name or path of a generator's weights, or the generator itself.
        device: auto, cpu or cuda.
        backend: what runs it, a name of `visavox.dubbing.backends.BACKENDS`.

    Raises:
        InputError: there is no such model, device or backend, or the model is no generator.
    """
    return LipSyncPredictor(find_backend(backend)(model, device))
