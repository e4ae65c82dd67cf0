"""Alerts: what asks for somebody, and telling whoever it is for."""
