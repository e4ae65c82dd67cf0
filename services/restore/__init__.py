"""Restore: an archive is written back, over nothing that is there, and proven by its content."""
