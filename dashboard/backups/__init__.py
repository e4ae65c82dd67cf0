"""Parts of the page Backups."""
