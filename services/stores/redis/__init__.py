"""Redis: KATO's keys and sessions."""
