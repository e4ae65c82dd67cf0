"""Parts of the Purge page."""
