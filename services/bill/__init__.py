"""What a month costs each tenant: usage over time, at the prices of a file."""
