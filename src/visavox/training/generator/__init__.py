"""Training of generators and their experts."""
