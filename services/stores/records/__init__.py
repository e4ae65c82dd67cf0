"""This product's own records, in SQLite or PostgreSQL."""
