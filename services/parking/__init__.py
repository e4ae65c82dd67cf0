"""Parking: a tenant goes out of the stores into a proven archive, and comes back out of it."""
