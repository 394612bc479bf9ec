"""Footage to prepared clips to batches."""
