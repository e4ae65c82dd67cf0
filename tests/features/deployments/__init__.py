"""Several deployments in one process."""
