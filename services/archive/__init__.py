"""Archives: all that the stores hold of one tenant, node or user, as one file that is proven."""
