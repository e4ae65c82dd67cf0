"""Wires what checks tokens, made once for the whole process, and what keeps approvals."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from services.access.tokens import TokenRules
from services.approvals.models import Requests
from services.approvals.service import ApprovalService
from services.settings.environment import Settings
from services.stores.sign_in.tokens import TokenVerifier

_turn = threading.Lock()


def approvals_of(settings: Settings, requests: Requests) -> ApprovalService:
    """Return who files and approves requests, which hold as long as the settings say."""
    lasts = timedelta(hours=settings.approval_hours)
    return ApprovalService(requests, lasts=lasts, now=lambda: datetime.now(UTC))


def verifier(rules: TokenRules) -> TokenVerifier:
    """Return what checks tokens by these rules, the same each time."""
    with _turn:
        return _made(rules)


@lru_cache(maxsize=2)
def _made(rules: TokenRules) -> TokenVerifier:
    return TokenVerifier(rules)
