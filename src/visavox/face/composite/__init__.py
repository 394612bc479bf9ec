"""Generated mouths pasted back into the frame."""
