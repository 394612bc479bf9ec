"""Networks that score sync: of mouths (`expert`, `syncnet`) and of moving landmarks (`motion_syncnet`) with audio."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
