"""Measurements: ratios from one run, medians of several. Not tests."""
