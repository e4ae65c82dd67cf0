"""Several deployments of one dashboard, side by side."""
