"""Qdrant's answers as plain JSON, from a server and from the embedded engine alike.

Plain, because the driver's models are those of one version of the server and reject others.
Raises the driver's errors.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse

_NOT_FOUND = 404
_PEERS_SECONDS = "4"


class Answers(Protocol):
    """What is asked of either."""

    def about(self) -> object:
        """Return title and version."""

    def telemetry(self) -> object:
        """Return what it says of all collections at once, None where it never says so."""

    def listing(self) -> object:
        """Return the list of collections."""

    def aliases(self) -> object:
        """Return the list of all aliases."""

    def info(self, name: str) -> object:
        """Return one collection's figures and settings, None when it is not there."""

    def cluster(self) -> object:
        """Return the peers, None where it never says so."""

    def cluster_telemetry(self) -> object:
        """Return what all peers say of all collections (Qdrant 1.17), None where it never does."""

    def placement(self, name: str) -> object:
        """Return where one collection's shards are, None where it is not there or never said."""


def answers_of(client: QdrantClient) -> Answers:
    """Return the answers of a client's server, or of its embedded engine."""
    if not isinstance(cast("object", client), QdrantClient):
        return RestAnswers(client)  # a server's, and not to be made before it is used
    try:
        client.http  # noqa: B018  the embedded engine has none
    except NotImplementedError:
        return EmbeddedAnswers(client)
    return RestAnswers(client)


class RestAnswers:
    """The answers of a server."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    def about(self) -> object:
        """Return title and version; the server tells them without a key."""
        return self._get("/")

    def telemetry(self) -> object:
        """Return what the server that is asked says of all collections at once."""
        return self._get("/telemetry", params={"details_level": "3", "anonymize": "false"})

    def listing(self) -> object:
        """Return the list of collections."""
        return self._get("/collections")

    def aliases(self) -> object:
        """Return the list of all aliases."""
        return self._get("/aliases")

    def info(self, name: str) -> object:
        """Return one collection's figures and settings, None when it is not there."""
        return self._there("/collections/{name}", path_params={"name": name})

    def cluster(self) -> object:
        """Return the peers; None for a server from before clusters."""
        return self._there("/cluster")

    def cluster_telemetry(self) -> object:
        """Return what all peers say of all collections; None for one from before 1.17.

        The server waits for peers that do not answer as long as it is told, and 60 s untold.
        """
        params = {"details_level": "3", "timeout": _PEERS_SECONDS}
        return self._there("/cluster/telemetry", params=params)

    def placement(self, name: str) -> object:
        """Return where one collection's shards are, None when it is not there."""
        return self._there("/collections/{name}/cluster", path_params={"name": name})

    def _there(self, url: str, **options: Any) -> object:
        try:
            return self._get(url, **options)
        except UnexpectedResponse as exc:
            if exc.status_code == _NOT_FOUND:
                return None
            raise

    def _get(self, url: str, **options: Any) -> object:
        return self._client.http.client.request(type_=dict, method="GET", url=url, **options)


class EmbeddedAnswers:
    """The answers of the engine in this process, in the server's shapes."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    def about(self) -> object:
        """Return title and version."""
        return self._client.info().model_dump(mode="json")

    def telemetry(self) -> object:
        """Return None: it has none."""
        return None

    def listing(self) -> object:
        """Return the list of collections."""
        return {"result": self._client.get_collections().model_dump(mode="json")}

    def aliases(self) -> object:
        """Return the list of all aliases."""
        return {"result": self._client.get_aliases().model_dump(mode="json")}

    def info(self, name: str) -> object:
        """Return one collection's figures and settings, None when it is not there."""
        try:
            return {"result": self._client.get_collection(name).model_dump(mode="json")}
        except ValueError:
            return None

    def cluster(self) -> object:
        """Return None: it is alone."""
        return None

    def cluster_telemetry(self) -> object:
        """Return None: it is alone."""
        return None

    def placement(self, name: str) -> object:
        """Return None: it has no shards."""
        del name
        return None
