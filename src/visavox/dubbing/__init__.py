"""Any face, no training: a video or a picture and a recording in, the face saying it out.

`dub` checks everything that can be checked before anything heavy is loaded; `Dubber` keeps the network for
several jobs; `MouthPainter` is the core of both, frame by frame, for streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from visavox.dubbing.result import DubResult
from visavox.dubbing.settings import DubSettings
from visavox.progress import QUIET, Progress
from visavox.types import PathLike

if TYPE_CHECKING:
    from torch import nn

    from visavox.dubbing.dubber import Dubber
    from visavox.dubbing.painter import MouthPainter

__all__ = ["DubResult", "DubSettings", "Dubber", "MouthPainter", "dub"]


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
    """Make the face in a video or a picture say a recording.

        visavox.dub("face.mp4", "speech.wav", "result.mp4", extend="loop")

    Args:
        face: a video or a picture with a face.
        audio: any file with sound.
        output: the result: .mp4, .mkv, .mov or .webm.
        model: name or path of a generator's weights, or the generator itself.
        settings: how it is done.
        progress: where bars are drawn; by default nowhere.
        **options: fields of `DubSettings` that differ from `settings`.

    Returns:
        what was made.

    Raises:
        InputError: something given cannot be used; said before the work wherever it can be known. Nothing is left
            under the name of the output.
    """
    from visavox.dubbing.checks import check_model, check_request, choose_settings

    chosen = choose_settings(settings, options)
    check_request(face, audio, output, chosen)
    check_model(model, chosen)

    from visavox.dubbing.dubber import Dubber

    return Dubber(model, device=chosen.device).dub(face, audio, output, settings=chosen, progress=progress)


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for."""
    if name == "Dubber":
        from visavox.dubbing.dubber import Dubber

        return Dubber
    if name == "MouthPainter":
        from visavox.dubbing.painter import MouthPainter

        return MouthPainter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
