"""The folder of an avatar: what building writes and speaking reads.

| module | holds |
|---|---|
| `avatar_folder` | the files, `AvatarInfo`, reading and writing; avatars by name |
| `description` | what `visavox avatar info` says |
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
