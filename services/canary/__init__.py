"""The canary test: what it writes, what it asks, and how it cleans up after itself."""
