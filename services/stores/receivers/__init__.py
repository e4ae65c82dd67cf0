"""Whoever is told of alerts: Alertmanager, a signed webhook, and all that Apprise reaches."""
