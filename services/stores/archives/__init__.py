"""Where archives are kept: a folder, S3 and what speaks it, and whatever else fsspec knows."""
