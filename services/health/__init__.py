"""Health: how every store is."""
