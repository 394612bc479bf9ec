"""Data of motion: clips of speech features and 68 landmarks, and the samples that are drawn from them.

`motion_store` holds the clips; `motion_dataset` is for the VAE,
`motion_sync_dataset` for the SyncNet, `postnet_dataset` for the postnet.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
