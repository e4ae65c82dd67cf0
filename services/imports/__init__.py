"""Writing data for a tenant out of a file: patterns, keys, sessions and vectors."""
