"""Preparation: raw videos to clips that networks are trained on.

`check_preparation` gives a job. The way of a video: found (`sources`), divided (`splits`), tracked and checked frame
by frame (`stretches`, `quality`), audio and image brought together (`lag`), cut out (`cutting`), and kept with its
record (`dataset_folder`, `report`).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
