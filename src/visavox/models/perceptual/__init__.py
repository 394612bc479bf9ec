"""Networks that compare images."""
