"""Journaled jobs of any kind: steps that a process does under a lease, and others take over."""
