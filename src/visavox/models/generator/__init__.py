"""Generators: from a condition, the target frame and references to the image of a face.

A generator (`generator`, by its `spec`) is a conditioner (`conditioners`, `speech_branch`) and a renderer (`renderer`,
`wav2lip`, `attn_wav2lip`). Mouth motion is described by `motion_basis` and `mouth_code`; `recording` has the audio
features of a whole recording, `discriminator` the network that training sharpens images with.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
