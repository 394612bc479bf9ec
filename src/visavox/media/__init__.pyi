from .audio_track import AudioPlan
from .info import VideoInfo, probe
from .output import Encoding, check_output
from .reader import VideoReader
from .sound import AudioInfo, SampleReader, probe_audio, read_audio, read_samples
from .writer import VideoWriter

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
