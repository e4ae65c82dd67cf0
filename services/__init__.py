"""Everything behind the screen: pure models, use cases, and the stores they work on."""
