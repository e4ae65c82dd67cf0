"""Whose it is: names, kb_ids, naming schemes and ownership. Pure."""
