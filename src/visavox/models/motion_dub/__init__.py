"""A generator without ears: it is told how the mouth looks, by motion."""
