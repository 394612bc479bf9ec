"""Held-out frames of an avatar: drawn from their true landmarks and from their sound, against how they were."""
