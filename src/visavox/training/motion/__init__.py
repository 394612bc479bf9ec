"""Training of motion models."""
