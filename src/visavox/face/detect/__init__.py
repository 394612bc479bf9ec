"""Face detection, landmarks and segmentation of one image."""
