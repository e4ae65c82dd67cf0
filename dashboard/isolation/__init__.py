"""Parts of the Isolation page."""
