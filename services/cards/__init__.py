"""Cards: what people say of a tenant, and whether its data has to be kept."""
