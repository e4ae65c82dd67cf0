"""What the stand-in says of itself where KATO 3.10.1 tells an operator how it is. Pure.

It has one process, no pools and no cache, and measures nothing: what KATO would count is 0 here,
and what it would describe is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LIMIT = 100
"""Requests at a time that KATO takes by default; nothing limits them here."""

MINUTES = 10


def _now() -> str:
    return datetime.now(UTC).isoformat()


def concurrency() -> dict[str, Any]:
    """Return what GET /concurrency says."""
    idle = {"concurrent_requests": 0, "utilization_percent": 0}
    return {
        "status": "healthy",
        "current": dict(idle),
        "peak": dict(idle),
        "limits": {
            "per_worker": LIMIT,
            "warning_threshold": LIMIT * 8 // 10,
            "critical_threshold": LIMIT * 95 // 100,
            "total_capacity": LIMIT,
        },
        "configuration": {"workers": 1, "backlog": 2048, "max_requests": "unlimited"},
        "recommendations": [],
        "timestamp": _now(),
    }


def connection_pools() -> dict[str, Any]:
    """Return what GET /connection-pools says."""
    return {"status": "healthy", "health": {}, "pool_statistics": {}, "timestamp": _now()}


def cache() -> dict[str, Any]:
    """Return what GET /cache/stats says."""
    off = {"status": "disabled", "reason": "Cache manager not available"}
    health = {"status": "disabled"}
    return {"cache_performance": off, "cache_health": health, "timestamp": _now()}


def stats(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return what GET /stats says, from what GET /metrics does."""
    parts = ("sessions", "performance", "resources", "databases")
    return {
        "time_range_minutes": MINUTES,
        "timestamp": metrics["timestamp"],
        "processor_manager": metrics["processor_manager"],
        "current_status": {"status": "healthy"},
        "time_series": {},
        "summary": {part: metrics[part] for part in parts},
        "error": None,
    }
