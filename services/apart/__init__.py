"""Apart: of a kb_id that tenants share, what can be told apart goes to names of their own."""
