"""One person: a generator that serves anybody is fitted to the video of one, and measured before and after.

| module | holds |
|---|---|
| `job` | `check` and `adapt`: the job, its work folder, the weights that it writes |
| `settings`, `checks` | what can be chosen; what is refused before the work |
| `clips` | videos to clips, divided into training, validation and held-out seconds |
| `learning` | the training: its recipe, schedule and best state |
| `held_out` | values on the held-out seconds, and `AdaptResult` |
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
