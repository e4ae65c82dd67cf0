"""Jobs of any kind in the records."""
