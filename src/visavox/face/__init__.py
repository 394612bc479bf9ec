"""Faces: finding and following them, cutting them out, putting them back.

| package | holds |
|---|---|
| `detect` | faces, landmarks and the person in one image |
| `track` | faces followed through a video; the file of a track |
| `geometry` | crops, landmarks, head pose, motion in head space |
| `composite` | a rendered crop put back: mask, colours, detail |

What is most often used is here too.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
