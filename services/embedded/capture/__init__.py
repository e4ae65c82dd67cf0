"""Capture directories."""
