"""Parts of pages that show and set limits."""
