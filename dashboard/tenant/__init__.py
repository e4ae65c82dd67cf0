"""Parts of the Tenant page."""
