"""Move: a tenant goes from this deployment to another one, and nothing of it is lost between."""
