"""The parts of the Archives page that write an archive back."""
