"""Motion models: speech to 68 landmarks."""
