"""Any face, no training: a video or an image and a recording in, the face saying it out.

`check` looks at everything that can be known before anything heavy is loaded and gives a job to run; `dub` does both;
`Dubber` keeps the generator for several jobs;
`LipSyncStream` is the core of both, frame by frame, for live sessions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from visavox.dubbing.job import DubJob, check
from visavox.dubbing.result import DubResult
from visavox.dubbing.settings import DubSettings
from visavox.progress import QUIET, Progress
from visavox.types import PathLike

if TYPE_CHECKING:
    from torch import nn

    from visavox.dubbing.dubber import Dubber
    from visavox.dubbing.stream import LipSyncStream

__all__ = ["DubJob", "DubResult", "DubSettings", "Dubber", "LipSyncStream", "check", "dub"]


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
        audio: any file with sound.
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


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for."""
    if name == "Dubber":
        from visavox.dubbing.dubber import Dubber

        return Dubber
    if name == "LipSyncStream":
        from visavox.dubbing.stream import LipSyncStream

        return LipSyncStream
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
