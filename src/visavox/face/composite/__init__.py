"""Putting a rendered crop back: the mask around the mouth (`mouth_mask`), colours and detail (`composite`)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
