"""Losses: pure functions of tensors, one kind a file."""
