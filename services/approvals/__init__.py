"""Approvals: what a second person has to allow first."""
