"""What the stand-in takes and answers, in the shapes of KATO 3.10.1's own. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from services.embedded.kato import config as config_rules
from services.embedded.kato.sessions import Record
from services.tenancy.kb_ids import kb_id_of

VERSION = "3.10.1 stand-in"
MAX_PROCESSORS = 100
EVICTION_SECONDS = 3600


class NewSession(BaseModel):
    """The body of POST /sessions."""

    node_id: str
    config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    ttl_seconds: int | None = None


class NewConfig(BaseModel):
    """The body of POST /sessions/{id}/config."""

    config: dict[str, Any]


class Extension(BaseModel):
    """The query of POST /sessions/{id}/extend."""

    ttl_seconds: int = 3600


class Refused(Exception):
    """The request is answered with this instead."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def read_body(raw: bytes) -> object:
    """Read a JSON body. Raises Refused with the 422 that FastAPI gives."""
    if not raw:
        raise Refused(_unprocessable([_problem("missing", ["body"], "Field required", None)]))
    try:
        return json.loads(raw)
    except json.JSONDecodeError as exc:
        problem = _problem("json_invalid", ["body", exc.pos], "JSON decode error", {})
        raise Refused(_unprocessable([{**problem, "ctx": {"error": exc.msg}}])) from None
    except UnicodeDecodeError:
        detail = {"detail": "There was an error parsing the body"}
        raise Refused(JSONResponse(detail, status_code=400)) from None


def refused(exc: ValidationError, where: str) -> Refused:
    """Return the 422 that FastAPI gives for what a model refused."""
    problems: list[dict[str, Any]] = [dict(e) for e in exc.errors(include_url=False)]
    for problem in problems:
        problem["loc"] = [where, *problem["loc"]]
    return Refused(_unprocessable(problems))


def _problem(kind: str, loc: list[str | int], msg: str, given: object) -> dict[str, Any]:
    return {"type": kind, "loc": loc, "msg": msg, "input": given}


def _unprocessable(problems: Sequence[Mapping[str, Any]]) -> JSONResponse:
    return JSONResponse({"detail": list(problems)}, status_code=422)


def absent_detail(session_id: str) -> JSONResponse:
    """Return the 404 of the calls that read a session."""
    return JSONResponse({"detail": _absent(session_id)}, status_code=404)


def absent_error(session_id: str) -> JSONResponse:
    """Return the 404 of the calls that change a session."""
    error = {"code": "SESSION_NOT_FOUND", "message": _absent(session_id), "session_id": session_id}
    return JSONResponse({"error": error}, status_code=404)


def _absent(session_id: str) -> str:
    return f"Session {session_id} not found or expired"


def config_refused(refusals: Mapping[str, str]) -> JSONResponse:
    """Return the 400 for a config that is out of bounds."""
    detail = {"error": "Configuration validation failed", "validation_errors": dict(refusals)}
    return JSONResponse({"detail": detail}, status_code=400)


def failed() -> PlainTextResponse:
    """Return the 500 of a fault inside, after which KATO drops the connection."""
    return PlainTextResponse("Internal Server Error", 500, headers={"connection": "close"})


def session(record: Record, ttl_seconds: int) -> JSONResponse:
    """Return a session as KATO shows it."""
    shown = {
        "session_id": record["session_id"],
        "node_id": record["node_id"],
        "created_at": _zulu(record["created_at"]),
        "expires_at": _zulu(record["expires_at"]),
        "ttl_seconds": ttl_seconds,
        "metadata": record["metadata"],
        "session_config": config_rules.shown(record["session_config"]),
    }
    return JSONResponse(shown)


def _zulu(time: str) -> str:
    return time.replace("+00:00", "Z")


def health(*, service: str, uptime: float, started: float, sessions: int) -> dict[str, Any]:
    """Return what GET /health says."""
    return {
        "status": "healthy",
        "processor_status": "healthy",
        "service_name": service,
        "uptime_seconds": uptime,
        "issues": [],
        "metrics_collected": 0,
        "last_collection": started,
        "active_sessions": sessions,
        "timestamp": datetime.now(UTC).isoformat(),
    }


def status(
    *, service: str, uptime: float, sessions: int, processors: dict[str, Any]
) -> dict[str, Any]:
    """Return what GET /status says."""
    counted = {"total_sessions": sessions, "active_sessions": sessions, "expired_sessions": 0}
    return {
        "status": "healthy",
        "base_processor_id": service,
        "uptime_seconds": uptime,
        "sessions": {**counted, "backend": "redis", "redis_url": "embedded"},
        "processors": processors,
        "version": VERSION,
    }


def metrics(*, now: float, sessions: int, processors: dict[str, Any]) -> dict[str, Any]:
    """Return what GET /metrics says; the stand-in measures nothing."""
    idle = {"operations": 0.0, "errors": 0.0, "avg_response_time": 0.0}
    return {
        "timestamp": now,
        "sessions": {
            "total_created": 0.0,
            "total_deleted": 0.0,
            "active": sessions,
            "operations_total": 0.0,
        },
        "performance": {
            "total_requests": 0.0,
            "total_errors": 0.0,
            "error_rate": 0.0,
            "average_response_time": 0.0,
        },
        "resources": {"cpu_percent": 0.0, "memory_percent": 0.0, "disk_percent": 0.0},
        "databases": {store: dict(idle) for store in ("clickhouse", "qdrant", "redis")},
        "rates": {"requests_per_second": 0.0, "requests_per_minute": 0.0, "errors_per_minute": 0},
        "processor_manager": processors,
        "uptime_seconds": None,
        "active_sessions": None,
        "error": None,
    }


def processors(records: Sequence[Record], service: str) -> dict[str, Any]:
    """Return the processors that would be cached: one for each node that observed something."""
    by_node: dict[str, Record] = {}
    for record in records:
        by_node.setdefault(record["node_id"], record)
    return {
        "total_processors": len(by_node),
        "max_processors": MAX_PROCESSORS,
        "eviction_ttl_seconds": EVICTION_SECONDS,
        "processors": [_processor(record, service) for record in by_node.values()],
    }


def _processor(record: Record, service: str) -> dict[str, Any]:
    last = datetime.fromisoformat(record["last_accessed"])
    return {
        "processor_id": kb_id_of(record["node_id"], service),
        "node_id": record["node_id"],
        "created_at": record["created_at"],
        "last_accessed": record["last_accessed"],
        "access_count": 1,
        "idle_seconds": max(0.0, (datetime.now(UTC) - last).total_seconds()),
    }


def root(uptime: float) -> dict[str, Any]:
    """Return what GET / says: the one answer in which the stand-in names itself."""
    return {
        "service": "KATO API (embedded stand-in)",
        "version": VERSION,
        "description": "Answers as KATO's session API does; it learns and predicts nothing",
        "docs": "/docs",
        "health": "/health",
        "status": "running",
        "uptime_seconds": uptime,
        "architecture": "modular",
        "session_support": True,
    }
