"""The parts of the Archives page, and what a tenant's page says of its archives."""
