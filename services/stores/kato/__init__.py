"""KATO's own HTTP API."""
