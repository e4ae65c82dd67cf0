"""The console script kato-tenants."""
