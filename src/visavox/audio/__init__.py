"""Audio: the features that networks take (`features`), and the silences of a recording (`silence`)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
