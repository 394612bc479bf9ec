"""Samples for motion models."""
