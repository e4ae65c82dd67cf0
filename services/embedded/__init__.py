"""The embedded default: engines, a KATO stand-in and a sample fleet."""
