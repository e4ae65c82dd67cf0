"""Parts of the page that shows, sets and runs retention policies."""
