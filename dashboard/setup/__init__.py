"""Parts of the New tenant page."""
