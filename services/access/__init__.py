"""Who may do what: viewers, roles, scopes, and the gate that every action goes through."""
