"""Networks that compare images: of mouths (`face_features`), of faces (`face_embedding`), LPIPS and FID's Inception."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
