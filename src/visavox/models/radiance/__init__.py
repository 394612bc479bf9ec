"""Radiance fields of head and torso."""
