"""Several dashboards of one deployment, each a process of its own."""
