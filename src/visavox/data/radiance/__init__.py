"""Data of one person: what an avatar is trained on (`person_data`), and the rays that are drawn from it
(`ray_dataset`).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
