"""Parts of the Approvals page."""
