"""Speech features: rows of numbers, by name, whole or in pieces."""
