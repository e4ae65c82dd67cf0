"""The sample fleet."""
