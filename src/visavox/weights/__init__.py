"""Weights files: format, catalogue, loading, import and editing."""
