"""Backward benchmark: dubs of clips played backwards, so that nothing of the answer is in the image."""
