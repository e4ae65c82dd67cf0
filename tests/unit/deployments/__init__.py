"""Several deployments, side by side: pure."""
