"""Parts of pages about KATOs of single tenants."""
