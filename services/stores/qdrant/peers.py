"""Every peer of a Qdrant cluster, asked by itself at its REST interface.

Peers tell where other peers reach them, which is another port (6335) and no interface for clients.
Where a peer's REST interface is, is said by QDRANT_PEERS; without it, it is taken to be on the
same host at the port, and by the scheme, of the Qdrant that is configured.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar, cast
from urllib.parse import urlsplit

from qdrant_client import QdrantClient

from services.ask_stores import ask_all
from services.errors import Problem
from services.figures import StoreState
from services.settings.environment import Settings
from services.stores.qdrant.answers import answers_of
from services.stores.qdrant.calls import asking
from services.stores.qdrant.cluster_answers import peer_of
from services.stores.qdrant.connect import Late, client_of
from services.usage.vector_cluster import Peer

REST_PORT = 6333
"""Qdrant's default for `service.http_port`."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reached:
    """The peers that could be asked, each by its id, and why the others could not."""

    clients: Mapping[int, QdrantClient] = field(default_factory=dict)
    problems: Mapping[int, str] = field(default_factory=dict)
    seconds: float = 10.0

    def with_client(self, number: int, client: QdrantClient) -> Reached:
        """Return the same with one more that can be asked."""
        problems = {n: why for n, why in self.problems.items() if n != number}
        return replace(self, clients={**self.clients, number: client}, problems=problems)

    def without(self, silent: Iterable[int]) -> Reached:
        """Return the others of them."""
        gone = set(silent)
        clients = {n: client for n, client in self.clients.items() if n not in gone}
        return replace(self, clients=clients)

    def ask(
        self, ask: Callable[[QdrantClient], T], *, seconds: float | None = None
    ) -> tuple[dict[int, T], dict[int, str]]:
        """Ask every peer the same, at once; return what each said, and why others did not.

        One that takes longer than `seconds`, or else a request's timeout, is given up.
        """
        asks = {str(n): partial(_told, ask, client) for n, client in self.clients.items()}
        results = ask_all(asks, deadline=seconds or self.seconds)
        told = {
            int(n): cast("T", r.reading) for n, r in results.items() if r.state is StoreState.OK
        }
        silent = {int(n): str((r.reason or Problem("it did not answer")).reason)
                  for n, r in results.items() if r.state is not StoreState.OK}  # fmt: skip
        return told, {**self.problems, **silent}


def _told(ask: Callable[[QdrantClient], T], client: QdrantClient, _: object) -> T:
    return ask(client)


class Peers:
    """Clients of peers, one for each address, with the key and patience of the configured one.

    Peers are asked at the same time: one that is down delays no other.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = threading.Lock()
        self._clients: dict[str, QdrantClient] = {}

    def close(self) -> None:
        """Close every client."""
        with self._turn:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def reached(self, peers: Iterable[Peer]) -> Reached:
        """Ask who is where these peers should be. Raises nothing: what did not answer is told."""
        wanted = {each.id: each for each in peers}
        addresses = list(dict.fromkeys(self._addresses(wanted.values())))
        asks = {url: partial(self._who, url) for url in addresses}
        seconds = self._settings.timeout_seconds
        results = ask_all(asks, deadline=seconds)
        clients: dict[int, QdrantClient] = {}
        why = dict[str, Problem]()
        for url, result in results.items():
            if isinstance(result.reading, int):
                clients.setdefault(result.reading, self._client(url))
            else:
                why[url] = result.reason or Problem("what answers there is no peer of a cluster")
        missing = {number: self._why(each, why) for number, each in wanted.items()
                   if number not in clients}  # fmt: skip
        return Reached({n: c for n, c in clients.items() if n in wanted}, missing, seconds)

    def _who(self, url: str, _: object) -> int | None:
        with asking("asking which peer it is"):
            return peer_of(answers_of(self._client(url)).cluster())

    def _why(self, peer: Peer, why: Mapping[str, Problem]) -> str:
        if self._settings.qdrant_peers:
            return "no address in QDRANT_PEERS reaches it"
        problem = why.get(rest_address(peer.uri, self._settings) or "")
        return (problem.reason if problem else "") or "another peer answers at its address"

    def _addresses(self, peers: Iterable[Peer]) -> Iterator[str]:
        if self._settings.qdrant_peers:
            yield from self._settings.qdrant_peers
            return
        for each in peers:
            url = rest_address(each.uri, self._settings)
            if url is not None:
                yield url

    def _client(self, url: str) -> QdrantClient:
        with self._turn:
            if url not in self._clients:
                self._clients[url] = client_of(self._settings, at=url)
            return self._clients[url]


def rest_address(uri: str, settings: Settings) -> str | None:
    """Return where a peer's REST interface is taken to be by its own URI; None for none. Pure."""
    try:
        host = urlsplit(uri).hostname
    except ValueError:
        host = None
    if not host:
        return None
    host = f"[{host}]" if ":" in host else host
    if settings.qdrant_url is None:
        scheme, port = "https" if settings.qdrant_https else "http", settings.qdrant_port
    else:
        ours = urlsplit(settings.qdrant_url.get_secret_value())
        scheme, port = ours.scheme, ours.port or REST_PORT
    return f"{scheme}://{host}:{port}"


def peers_of(client: QdrantClient) -> Peers | None:
    """Return the peers of a configured Qdrant; None for one that is used as it is."""
    late = cast("object", client)
    return late.beside(Peers) if isinstance(late, Late) else None
