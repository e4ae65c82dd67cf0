"""The only names of session state and query parameters."""

from __future__ import annotations

TENANT = "tenant"
"""Query parameter: which tenant the Tenant page shows, as `visible(kind/id)`."""

SEARCH = "q"
KIND = "kind"
OWNERSHIP = "ownership"
SORT = "sort"
PAGE = "page"
"""Query parameters of the Tenants page."""

CREATED = "created_session"
"""Session state: KATO's answer to the session created last."""
