"""Limits: how much a tenant should have at most, and who is near or over."""
