"""Metrics for Prometheus: the snapshot that is there, and how this product is."""
