"""Purging: what would go, doing it step by step, and proving that it went."""
