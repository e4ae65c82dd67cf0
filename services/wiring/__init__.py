"""Wires the features, for bootstrap."""
