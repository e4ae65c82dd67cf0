"""Names that somebody brings: imported node_ids, and confirmed owners."""
