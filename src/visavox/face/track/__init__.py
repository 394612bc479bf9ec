"""Faces followed through a video."""
