"""Retention: what is kept of a tenant, for how long and how much of it at most."""
