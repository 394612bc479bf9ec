"""visavox makes a face speak."""

__version__ = "0.1.0"
