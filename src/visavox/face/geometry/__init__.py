"""Geometry of faces: `crop`, `landmarks`, head `pose`, `motion` in head space, `face_box` of a user."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
