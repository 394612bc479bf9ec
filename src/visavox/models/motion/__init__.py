"""Motion models: from speech to 68 landmarks (`motion_vae`), and into one person's domain (`postnet`)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
