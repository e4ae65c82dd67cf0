"""Usage of the whole fleet: readings, the roll-up, the snapshot."""
