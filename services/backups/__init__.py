"""Backups: archives that are taken by themselves, proven, and kept as long as a rule says."""
