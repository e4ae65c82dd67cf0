"""Purge jobs in this product's own records."""
