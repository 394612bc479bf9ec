"""Features of speech: `mel`, `mfcc` of SyncNet, and the rows of motion models by name (`speech_features`)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
