"""Every value of the documentation, each printed by one command; run them from the repository's root."""
