"""Wires what checks tokens, made once for the whole process."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.access.tokens import TokenRules
    from services.stores.sign_in.tokens import TokenVerifier

_turn = threading.Lock()


def verifier(rules: TokenRules) -> TokenVerifier:
    """Return what checks tokens by these rules, the same each time."""
    with _turn:
        return _made(rules)


@lru_cache(maxsize=2)
def _made(rules: TokenRules) -> TokenVerifier:
    from services.stores.sign_in.tokens import TokenVerifier

    return TokenVerifier(rules)
