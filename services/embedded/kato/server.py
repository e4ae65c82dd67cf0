"""A stand-in for KATO's session API: sessions only, on a loopback port, kept in Redis.

It answers the exchanges that were recorded from KATO 3.10.1 with the same status and shape, and
says in GET / that it is a stand-in. It has no authentication, as KATO has none; requests that
name another host than the loopback are refused, so that no web page can reach it by DNS.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import redis
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.embedded.kato import answers
from services.embedded.kato.calls import Asked, SessionCalls
from services.embedded.kato.sessions import SessionStore
from services.errors import StoreUnavailable

LOOPBACK = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 3.0

Work = Callable[[Asked], Response]


def app(client: redis.Redis, *, service: str = "kato") -> Starlette:
    """Return the session API over the sessions in a Redis."""
    calls = SessionCalls(SessionStore(client), service)
    return Starlette(
        routes=list(_routes(calls)),
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])],
        exception_handlers={HTTPException: _plain_detail, redis.RedisError: _store_failed},
    )


def _routes(calls: SessionCalls) -> Iterator[Route]:
    table: tuple[tuple[str, str, Work], ...] = (
        ("GET", "/", calls.root),
        ("GET", "/health", calls.health),
        ("GET", "/status", calls.status),
        ("GET", "/metrics", calls.metrics),
        ("GET", "/concurrency", calls.concurrency),
        ("GET", "/connection-pools", calls.connection_pools),
        ("GET", "/cache/stats", calls.cache),
        ("GET", "/stats", calls.stats),
        ("POST", "/sessions", calls.create),
        ("GET", "/sessions/count", calls.count),
        ("GET", "/sessions/{id}", calls.get),
        ("DELETE", "/sessions/{id}", calls.delete),
        ("GET", "/sessions/{id}/exists", calls.exists),
        ("GET", "/sessions/{id}/stm", calls.stm),
        ("GET", "/sessions/{id}/config", calls.config),
        ("POST", "/sessions/{id}/config", calls.configure),
        ("POST", "/sessions/{id}/extend", calls.extend),
        ("POST", "/sessions/{id}/clear-stm", calls.clear_stm),
        ("POST", "/sessions/{id}/clear-all", calls.clear_stm),
        ("POST", "/cache/invalidate", calls.invalidate),
    )
    for method, path, work in table:
        yield Route(path, _endpoint(work), methods=[method])


def _endpoint(work: Work) -> Callable[[Request], Awaitable[Response]]:
    """Run a call in a thread, since it waits for Redis."""

    async def endpoint(request: Request) -> Response:
        session_id = str(request.path_params.get("id", ""))
        asked = Asked(session_id, request.query_params, await request.body())
        try:
            return await run_in_threadpool(work, asked)
        except answers.Refused as refused:
            return refused.response

    return endpoint


def _plain_detail(_: Request, exc: Exception) -> Response:
    """Answer an unknown path or method as FastAPI does."""
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    detail = exc.detail if isinstance(exc, HTTPException) else ""
    return JSONResponse({"detail": detail}, status_code=status)


def _store_failed(*_: object) -> Response:
    return answers.failed()


class StandInServer:
    """The stand-in, served by a thread of this process on a port that the system chose.

    `url` is its address. Raises StoreUnavailable when it does not start within 10 s.
    """

    def __init__(self, client: redis.Redis, *, service: str = "kato") -> None:
        self._socket = socket.create_server((LOOPBACK, 0))
        self.url = f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(_config(app(client, service=service)))
        self._thread = threading.Thread(target=self._serve, name="kato-stand-in", daemon=True)
        self._thread.start()
        self._wait_until_started()

    def close(self) -> None:
        """Stop serving; takes at most about 3 s and may be called again."""
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS)
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(SystemExit):  # uvicorn exits on a failed start
            self._server.run(sockets=[self._socket])

    def _wait_until_started(self) -> None:
        ends = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > ends or not self._thread.is_alive():
                self.close()
                raise StoreUnavailable("kato", "starting the stand-in", "it did not start")
            time.sleep(0.005)


def _config(application: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
