"""Names that KATO 3.10.1 takes and does not bear. Pure.

Its naming rule lets some signs through that it does not escape everywhere afterwards: such a node
learns nothing, makes its worker slow for everyone, and can reach what is another tenant's. And it
takes some kb_ids for those of its own tests, which it does not keep.
"""

from __future__ import annotations

import re

TEST_PREFIX = "test_"
"""How the kb_ids of KATO's own tests begin."""

_UNESCAPED = re.compile(r"['\[\]]")


def unescaped(name: str) -> frozenset[str]:
    """Return the signs in a node_id or kb_id that KATO neither replaces nor escapes everywhere.

    They are an apostrophe and the two square brackets.
    """
    return frozenset(_UNESCAPED.findall(name))


def is_test(kb_id: str) -> bool:
    """Whether KATO takes it for one of its own tests', and deletes all it learnt on an eviction.

    It evicts the processor that was used longest ago whenever it has more than 100 in memory.
    """
    return kb_id.startswith(TEST_PREFIX)
