"""Faces: finding and following them, cutting them out, putting them back."""
