"""A data set made into an avatar: training, evaluation and packing.

| module | holds |
|---|---|
| `job` | `check` and `build_avatar`: the job from videos to an avatar |
| `settings` | what can be chosen; the steps |
| `steps` | head, torso, post-net, evaluation, packing, each with what it is made of |
| `evaluation` | held-out frames rendered and compared |
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
