"""Generators and their layers."""
