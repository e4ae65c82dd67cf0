"""The isolation audit: its rules, what they look at, and what they find."""
