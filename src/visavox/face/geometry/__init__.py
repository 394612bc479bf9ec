"""Landmarks, head pose, crops and motion."""
