"""What is there once for the whole app."""
