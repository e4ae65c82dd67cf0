"""The KATO stand-in."""
