"""Parts of pages that bring names: importing node_ids, confirming whose a kb_id is."""
