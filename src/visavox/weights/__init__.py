"""Weights files: from a name to a network, and from a network to a file.

`registry` finds files by name (`hub` downloads them), `weights_file` is the format, `checkpoint` loads and saves
networks of the table in `networks`, `version_1` reads what earlier versions wrote. `importer` takes in published
weights, `published_weights` those of perceptual networks, and `edit` makes weights of weights.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
