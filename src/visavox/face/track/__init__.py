"""Following faces: frame by frame (`tracker`), through a video (`tracking`), into a file (`track_file`)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
