"""Radiance fields of `head` and `torso`, of one person.

Two kinds of `field` (`grid_field`, `frequency_field`), sampled along `rays` where `occupancy` finds something, summed
by `volume`, and conditioned by `landmark_encoder`; `compiled` is what `--compile` does to them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
