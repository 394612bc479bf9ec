"""Video, image and audio files in and out: streamed, in threads, through PyAV.

Everything is imported on first use, so that settings (`Encoding`) and checks (`check_output`) can be had
without loading a codec library.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
