"""Who may read the metrics: whoever has a token, or connects from a network. Pure.

What is set has to hold, both where both are. Where neither is, it is this machine alone, and with
sign-in nobody: a proxy on this machine that adds no header would let the whole world in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from hmac import compare_digest

from services.access.network import Network, within


class Answer(Enum):
    """What somebody who asks for the metrics is answered."""

    SERVED = "served"
    NO_TOKEN = "a token is needed, and this request has none that counts"  # noqa: S105
    NOT_FROM_HERE = "the metrics are not for this address"
    OFF = "the metrics are off: KATO_TENANTS_METRICS_TOKEN or KATO_TENANTS_METRICS_NETWORKS"


@dataclass(frozen=True, slots=True)
class Asker:
    """One request: the address that it comes from and what its Authorization headers hold.

    `own` is whether it was made on this machine and for it, `relayed` whether a proxy passed it on.
    """

    address: str | None
    authorization: tuple[str, ...] = ()
    own: bool = False
    relayed: bool = False


@dataclass(frozen=True, slots=True)
class Scraping:
    """The rules: `tokens` of which each counts, `networks`, and whether there is no sign-in."""

    tokens: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    local: bool = True

    def answer(self, asker: Asker) -> Answer:
        """Decide. Behind a proxy a client's network is not known: only a token counts there."""
        if not (self.tokens or self.networks):
            return Answer.SERVED if self.local and asker.own else Answer.OFF
        if self.networks and (asker.relayed or not within(asker.address, self.networks)):
            return Answer.NOT_FROM_HERE
        if self.tokens and not _has_one(asker.authorization, self.tokens):
            return Answer.NO_TOKEN
        return Answer.SERVED


def _has_one(authorization: tuple[str, ...], tokens: Iterable[str]) -> bool:
    """Whether a request bears one of the tokens; how long it takes tells nothing of them."""
    if len(authorization) != 1:
        return False
    scheme, _, sent = authorization[0].partition(" ")
    given = sent.strip().encode("latin-1", "replace")
    matches = [compare_digest(given, token.encode()) for token in tokens]
    return scheme.lower() == "bearer" and any(matches)
