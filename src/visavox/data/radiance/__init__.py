"""One person's data set and its rays."""
