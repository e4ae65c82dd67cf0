"""Building a large key of an archive aside: it takes its name whole and at once, or not at all.

Nobody sees it by halves, and one that is there already stays as it is.
"""

from __future__ import annotations

import hashlib

from services.stores.redis.erase_sessions import sound
from services.stores.redis.link import Link, packed
from services.stores.redis.typed_commands import Made

ASIDE = b"kato-tenants:restoring:"
"""How the names begin under which large keys are built; one that is left behind ends by itself."""

_ASIDE_MILLISECONDS = 3_600_000


def milliseconds(link: Link) -> int:
    """Return the server's own time, since 1970: it is what its keys end by."""
    seconds, micro = link.ask("TIME")
    return int(seconds) * 1000 + int(micro) // 1000


class Aside:
    """A large key that is being built under another name, which ends by itself if it is left."""

    def __init__(self, link: Link, first: Made) -> None:
        self._link, self._first = link, first
        digest = hashlib.sha256(first.name).hexdigest().encode()
        self._name = ASIDE + link.beside(first.name) + digest
        self._taken = bool(link.ask("EXISTS", first.name))
        link.ask("UNLINK", self._name)
        self.add(first)

    def add(self, piece: Made) -> None:
        """Add a piece; nothing where the name is taken already."""
        if self._taken or piece.is_empty:
            return
        self._link.prolong()
        commands = [*piece.pieces(self._name), packed("PEXPIRE", self._name, _ASIDE_MILLISECONDS)]
        self._link.send(b"".join(commands))
        sound(self._link, len(commands))

    def end(self) -> bool | None:
        """Give it its name where that is free; None where nothing is left of it to be there."""
        if self._taken:
            return False
        self._link.prolong()
        ends = self._first.expires_at
        if ends is not None and ends <= milliseconds(self._link):
            self._link.ask("UNLINK", self._name)
        if not self._link.ask("EXISTS", self._name):
            return None
        last = [packed("PERSIST", self._name), *self._first.end(self._name)]
        last.append(packed("RENAMENX", self._name, self._first.name))
        done = self._link.transaction(last)
        renamed = bool(done and done[-1])
        if not renamed:
            self._link.ask("UNLINK", self._name)
        return renamed
