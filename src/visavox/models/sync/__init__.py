"""Experts that compare sound and mouth."""
