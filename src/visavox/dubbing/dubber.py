"""Dubs files: loads a network once, and makes any number of faces speak with it."""

from __future__ import annotations

from typing import Any

from torch import nn

from visavox.dubbing.checks import check_request, choose_settings
from visavox.dubbing.job import DubJob, check_network
from visavox.dubbing.network import MouthNetwork
from visavox.dubbing.result import DubResult
from visavox.dubbing.settings import DubSettings
from visavox.errors import InputError
from visavox.progress import QUIET, Progress
from visavox.runtime.device import choose_device
from visavox.types import PathLike
from visavox.weights.checkpoint import load_model


class Dubber:
    """Makes faces speak; the network is loaded once.

    Example::

        dubber = Dubber("wav2lip")
        dubber.dub("face.mp4", "hello.wav", "hello.mp4")
        dubber.dub("photo.jpg", "bye.wav", "bye.mp4", extend="loop")
    """

    def __init__(self, model: PathLike | nn.Module = "wav2lip", *, device: str = "auto") -> None:
        """Load a network.

        Args:
            model: name or path of a generator's weights, or the generator itself.
            device: auto, cpu or cuda.

        Raises:
            InputError: there is no such model or device, or the model is no generator.
        """
        self.network = load_network(model, device)

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
        if "device" in options:
            raise InputError("the device of a Dubber is chosen when it is made: Dubber(model, device=...)")
        chosen = choose_settings(settings, options)
        check_network(chosen, self.network)
        return DubJob(check_request(face, audio, output, chosen), network=self.network)

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
        """Make the face in a video or a picture say a recording.

        Args:
            face: a video or a picture with a face.
            audio: any file with sound.
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


def load_network(model: PathLike | nn.Module, device: str = "auto") -> MouthNetwork:
    """Load a generator and make it ready.

    Args:
        model: name or path of a generator's weights, or the generator itself.
        device: auto, cpu or cuda.

    Raises:
        InputError: there is no such model or device, or the model is no generator.
    """
    where = choose_device(device)
    return MouthNetwork(model if isinstance(model, nn.Module) else load_model(model), where)
