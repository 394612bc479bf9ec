from .dubber import Dubber
from .job import DubJob, check, dub
from .settings import DubResult, DubSettings
from .stream import LipSyncStream

__all__ = ["DubJob", "DubResult", "DubSettings", "Dubber", "LipSyncStream", "check", "dub"]
