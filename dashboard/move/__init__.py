"""Move: its part of a tenant's page and of Tenants."""
