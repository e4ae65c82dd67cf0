"""Parts of the New session page."""
