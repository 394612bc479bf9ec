"""Losses: pure functions of tensors, a file for each kind.

`reconstruction` (pixels, slopes, fine detail), `perceptual` (LPIPS, features of faces, mouth motion),
`sync` (experts), `adversarial` (discriminators), `motion` (68 landmarks) and `radiance` (heads and torsos of one
person).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
