from .composite import CompositeSettings, Compositor
from .mouth_mask import mask_points

__all__ = [
    "CompositeSettings",
    "Compositor",
    "mask_points",
]
