"""The calls of KATO's session API, as the stand-in answers them. Sessions only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.responses import JSONResponse, Response

from services.embedded.kato import answers, config as config_rules, monitoring
from services.embedded.kato.sessions import TTL_DEFAULT, Record, SessionStore, remaining

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, with its body read."""

    session_id: str
    query: Mapping[str, str]
    body: bytes

    def body_as(self, model: type[Model]) -> Model:
        """Read the body as a model. Raises Refused."""
        try:
            return model.model_validate(answers.read_body(self.body), from_attributes=True)
        except ValidationError as exc:
            raise answers.refused(exc, "body") from None

    def query_as(self, model: type[Model]) -> Model:
        """Read the query as a model. Raises Refused."""
        try:
            return model.model_validate(dict(self.query))
        except ValidationError as exc:
            raise answers.refused(exc, "query") from None


class SessionCalls:
    """The calls of the session API, over the sessions of one Redis."""

    def __init__(self, sessions: SessionStore, service: str) -> None:
        self._sessions = sessions
        self._service = service
        self._started = datetime.now(UTC)

    def create(self, asked: Asked) -> Response:
        """POST /sessions."""
        new = asked.body_as(answers.NewSession)
        ttl_seconds = new.ttl_seconds or TTL_DEFAULT
        if ttl_seconds < 0:
            return answers.failed()
        record = self._sessions.create(
            new.node_id,
            ttl_seconds=ttl_seconds,
            metadata=new.metadata or {},
            config=new.config or {},
        )
        return answers.session(record, ttl_seconds)

    def get(self, asked: Asked) -> Response:
        """GET /sessions/{id}: extends its TTL."""
        record = self._touched(asked, answers.absent_detail)
        return answers.session(record, remaining(record))

    def exists(self, asked: Asked) -> Response:
        """GET /sessions/{id}/exists: extends nothing."""
        found = self._sessions.peek(asked.session_id) is not None
        shown = {"exists": found, "expired": False, "session_id": asked.session_id}
        return JSONResponse(shown)

    def stm(self, asked: Asked) -> Response:
        """GET /sessions/{id}/stm."""
        record = self._touched(asked, answers.absent_detail)
        stm = record["stm"]
        return JSONResponse({"stm": stm, "session_id": asked.session_id, "length": len(stm)})

    def config(self, asked: Asked) -> Response:
        """GET /sessions/{id}/config."""
        record = self._touched(asked, answers.absent_detail)
        shown = config_rules.shown(record["session_config"])
        return JSONResponse({"session_id": asked.session_id, "config": shown})

    def configure(self, asked: Asked) -> Response:
        """POST /sessions/{id}/config: refuses nine entries out of bounds, unlike creating."""
        wanted = asked.body_as(answers.NewConfig).config
        record = self._touched(asked, answers.absent_error)
        refusals = config_rules.refusals(wanted)
        if refusals:
            return answers.config_refused(refusals)
        record["session_config"].update(config_rules.changed(wanted))
        self._sessions.save(record)
        message = {"status": "okay", "message": "Configuration updated"}
        return JSONResponse({**message, "session_id": asked.session_id})

    def extend(self, asked: Asked) -> Response:
        """POST /sessions/{id}/extend: until the next access; by 0 it deletes the session."""
        ttl_seconds = asked.query_as(answers.Extension).ttl_seconds
        record = self._touched(asked, answers.absent_error)
        if ttl_seconds < 0:
            return answers.failed()
        if ttl_seconds:
            self._sessions.extend(record, ttl_seconds)
        else:
            self._sessions.delete(asked.session_id)
        shown = {"status": "extended", "session_id": asked.session_id, "ttl_seconds": ttl_seconds}
        return JSONResponse(shown)

    def clear_stm(self, asked: Asked) -> Response:
        """POST /sessions/{id}/clear-stm, and /clear-all: the stand-in learnt nothing more."""
        record = self._touched(asked, answers.absent_error)
        record["stm"] = []
        self._sessions.save(record)
        return JSONResponse({"status": "cleared", "session_id": asked.session_id})

    def delete(self, asked: Asked) -> Response:
        """DELETE /sessions/{id}."""
        if not self._sessions.delete(asked.session_id):
            return answers.absent_error(asked.session_id)
        return JSONResponse({"status": "deleted", "session_id": asked.session_id})

    def invalidate(self, _: Asked) -> Response:
        """POST /cache/invalidate: there is no cache."""
        return JSONResponse({"status": "disabled", "reason": "the stand-in caches nothing"})

    def count(self, _: Asked) -> Response:
        """GET /sessions/count: over-reports, as KATO's does."""
        return JSONResponse({"active_session_count": self._sessions.index_size()})

    def health(self, _: Asked) -> Response:
        """GET /health."""
        shown = answers.health(
            service=self._service,
            uptime=self._uptime(),
            started=self._started.timestamp(),
            sessions=self._sessions.index_size(),
        )
        return JSONResponse(shown)

    def status(self, _: Asked) -> Response:
        """GET /status."""
        shown = answers.status(
            service=self._service,
            uptime=self._uptime(),
            sessions=self._sessions.index_size(),
            processors=self._processors(),
        )
        return JSONResponse(shown)

    def metrics(self, _: Asked) -> Response:
        """GET /metrics."""
        return JSONResponse(self._metrics())

    def concurrency(self, _: Asked) -> Response:
        """GET /concurrency."""
        return JSONResponse(monitoring.concurrency())

    def connection_pools(self, _: Asked) -> Response:
        """GET /connection-pools."""
        return JSONResponse(monitoring.connection_pools())

    def cache(self, _: Asked) -> Response:
        """GET /cache/stats."""
        return JSONResponse(monitoring.cache())

    def stats(self, _: Asked) -> Response:
        """GET /stats."""
        return JSONResponse(monitoring.stats(self._metrics()))

    def _metrics(self) -> dict[str, object]:
        return answers.metrics(
            now=time.time(), sessions=self._sessions.index_size(), processors=self._processors()
        )

    def root(self, _: Asked) -> Response:
        """GET /."""
        return JSONResponse(answers.root(self._uptime()))

    def _touched(self, asked: Asked, absent: Callable[[str], Response]) -> Record:
        record = self._sessions.touch(asked.session_id)
        if record is None:
            raise answers.Refused(absent(asked.session_id))
        return record

    def _processors(self) -> dict[str, object]:
        return answers.processors(self._sessions.used(answers.MAX_PROCESSORS), self._service)

    def _uptime(self) -> float:
        return max(0.0, (datetime.now(UTC) - self._started).total_seconds())
