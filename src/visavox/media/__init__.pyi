from .audio import AudioInfo, SampleReader, probe_audio, read_audio, read_samples
from .audio_track import AudioPlan
from .color import IMAGE_TAGS
from .info import VideoInfo, probe
from .output import STANDARD_STREAM, Encoding, check_output
from .reader import VideoReader
from .segment import SegmentReader
from .stills import read_still
from .writer import VideoWriter

__all__ = [
    "IMAGE_TAGS",
    "STANDARD_STREAM",
    "AudioInfo",
    "AudioPlan",
    "Encoding",
    "SampleReader",
    "SegmentReader",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "check_output",
    "probe",
    "probe_audio",
    "read_audio",
    "read_samples",
    "read_still",
]
