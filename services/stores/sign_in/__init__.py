"""What an identity provider signs: its keys and tokens."""
