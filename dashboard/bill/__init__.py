"""What the Bill page is made of."""
