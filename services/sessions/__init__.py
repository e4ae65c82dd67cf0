"""Sessions of KATO: create, look into, extend and end them, and rotate their keys."""
