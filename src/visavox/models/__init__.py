"""Networks, the checkpoint format and the registry of names."""
