"""Instances: a KATO for one tenant alone, beside the one that all others share."""
