"""Several dashboards of one deployment: which of them collects, and what it shows all others."""
