"""Videos of one person made into their data set.

| module | holds |
|---|---|
| `prepare` | the stages, one after the other: `prepare_person` |
| `settings` | what can be chosen |
| `checks` | what is refused or remarked, with advice |
| `tracking` | the videos as one row of frames, and the face followed through them |
| `camera` | the check that the camera stood still, the square that is cut out, its crops and the rough outlines |
| `background` | the empty scene, and the person cut out of it |
| `segmentation` | head and torso of every frame |
| `signals` | motion, head pose and speech |
| `report` | the page about a data set |
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
