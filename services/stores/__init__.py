"""Adapters to the stores; each turns its driver's errors into services.errors, once."""
