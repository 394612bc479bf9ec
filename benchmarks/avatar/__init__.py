"""Held-out frames of an avatar: drawn from their true landmarks and from their audio, against how they were."""
