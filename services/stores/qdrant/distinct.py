"""Counting points by their ids, where one id may be in several shards of a collection.

A count is a sum over shards: a point that was copied into a tenant's own shard, or that moves while
a collection is resharded, counts twice in it. A scroll hands each id out once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from qdrant_client import QdrantClient, models

BUDGET = 200_000
"""Most points that are counted by their ids."""

_PAGE = 5_000

Asking = Callable[[str], AbstractContextManager[None]]


def distinct(
    client: QdrantClient,
    name: str,
    only: models.Filter | None = None,
    *,
    asking: Asking,
    budget: int = BUDGET,
) -> int | None:
    """Count the ids of the points that match; None where there are more than `budget`."""
    found, last, offset = 0, None, None
    while found <= budget:
        with asking("count points by their ids"):
            page, offset = client.scroll(
                name, scroll_filter=only, limit=_PAGE, offset=offset, with_payload=False,
                with_vectors=False,
            )  # fmt: skip
        ids: dict[Any, None] = dict.fromkeys(each.id for each in page)
        ids.pop(last, None)
        found += len(ids)
        if offset is None:
            return found if found <= budget else None
        last = page[-1].id if page else last
    return None
