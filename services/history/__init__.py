"""Usage over time: what every tenant used when, as exactly as it was known."""
