"""Setting up a tenant: its name, limits, place for vectors and first session."""
