"""The audit log: who did what to whose data, in a chain that cannot be edited unseen."""
