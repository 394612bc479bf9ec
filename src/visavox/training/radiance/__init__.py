"""Training of radiance fields."""
