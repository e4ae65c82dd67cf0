"""Parts of pages that change cards and set legal holds."""
