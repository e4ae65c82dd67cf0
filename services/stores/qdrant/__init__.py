"""Qdrant: KATO's vectors."""
