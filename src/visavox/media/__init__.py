"""Video, picture and audio files in and out: streamed, in threads, through PyAV.

Everything is imported on first use, so that settings (`Encoding`) and checks (`check_output`) can be had
without loading a codec library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.media.audio_track import AudioPlan
    from visavox.media.encoding import Encoding
    from visavox.media.info import VideoInfo, probe
    from visavox.media.output import check_output
    from visavox.media.reader import VideoReader
    from visavox.media.sound import AudioInfo, SampleReader, probe_audio, read_audio, read_samples
    from visavox.media.writer import VideoWriter

_HOMES = {
    "AudioInfo": "sound",
    "AudioPlan": "audio_track",
    "Encoding": "encoding",
    "SampleReader": "sound",
    "VideoInfo": "info",
    "VideoReader": "reader",
    "VideoWriter": "writer",
    "check_output": "output",
    "probe": "info",
    "probe_audio": "sound",
    "read_audio": "sound",
    "read_samples": "sound",
}

__all__ = [
    "AudioInfo",
    "AudioPlan",
    "Encoding",
    "SampleReader",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "check_output",
    "probe",
    "probe_audio",
    "read_audio",
    "read_samples",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
