"""Writing a dataset into the stores."""
