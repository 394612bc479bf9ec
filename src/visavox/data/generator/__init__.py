"""Samples for generators and their experts: clips (`clip_file`, `clip_store`), `datasets` and `augmentation`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
