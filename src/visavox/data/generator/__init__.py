"""Clips and samples for generators and their experts."""
