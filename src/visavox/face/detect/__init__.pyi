from .segmentation import MASK_SUFFIX, MaskFolder, PersonSegmenter, Place, open_segmenter

__all__ = [
    "MASK_SUFFIX",
    "MaskFolder",
    "PersonSegmenter",
    "Place",
    "open_segmenter",
]
