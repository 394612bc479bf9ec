"""visavox makes a face speak.

    import visavox

    visavox.dub("face.mp4", "speech.wav", "result.mp4")

The public names are imported when they are first used, so that `import visavox` costs nothing; `__init__.pyi` beside
this file lists them.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
