"""Browse: looking into one tenant's patterns, keys and vectors."""
