"""Redis keys and sessions: what a purge finds of its surface, and erases. One pass for everything.

The next SCAN is under way while the keys before it are told apart, weighed or erased.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import redis

from services.figures import Measure
from services.names import text_of
from services.purging.models import Look, Surface
from services.purging.sources import Said, WantsNode
from services.settings import Settings
from services.stores.key_ending import (
    Ending,
    chunks,
    erase_records,
    read_ending,
    session_ids,
    sound,
    take_out_of_index,
    unlink,
)
from services.stores.key_findings import (
    KeyFindings,
    Progress,
    blockers_of,
    streams_of,
    trimmed,
    unread_of,
    weighed,
)
from services.stores.key_sorting import KeySorter, OwnKey
from services.stores.keylink import Link, conversation, packed
from services.stores.keyscan import memory_of, scan
from services.stores.keyspace import client_of

_BATCH = 500


class KeyErasing:
    """Erases from one Redis. `service` is KATO's SERVICE_NAME, `scan_count` the COUNT of SCAN.

    A whole call may take `pass_seconds`, and each answer the client's `socket_timeout`. Every
    method raises StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(
        self, client: redis.Redis, *, service: str, scan_count: int, pass_seconds: float
    ) -> None:
        self._client = client
        self._service = service
        self._scan_count = scan_count
        self._pass_seconds = pass_seconds

    @classmethod
    def over(cls, client: redis.Redis, settings: Settings) -> Self:
        """Build it over a client, as the settings say."""
        return cls(
            client,
            service=settings.service_name,
            scan_count=settings.scan_count,
            pass_seconds=settings.pass_seconds,
        )

    @classmethod
    def over_url(cls, settings: Settings) -> Self:
        """Build it for REDIS_URL. Connects to nothing yet. Raises StoreMisconfigured."""
        return cls.over(client_of(settings), settings)

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    def look(self, surface: Surface, wants: WantsNode) -> Look:
        """Return an Item for each owner and kind of key, and for the sessions of each node_id."""
        tally, sorter = KeyFindings(), self._sorter(surface, wants)
        with self._talk("looking for keys to erase") as link:
            for keys in self._own(link, sorter, tally):
                if keys:
                    link.send(memory_of([own.key for own in keys]))
            ending = self._ending(link, sorter, surface, wants)
            guide = sorter.aside.tenant_records
            tally.weigh(ending.caches, weighed(link, ending.caches))
            tally.weigh(guide, weighed(link, guide), store=Measure.SESSIONS)
            streams = streams_of(link, sorter.aside.streams)
        tally.count_ending(ending)
        return Look(tally.items(), blockers_of(sorter, ending), (*streams, *unread_of(ending)))

    def sessions(self, surface: Surface, wants: WantsNode) -> Mapping[str, str]:
        """Return the ids of KATO's sessions that are to end, with their node_ids."""
        sorter = self._sorter(surface, wants)
        with self._talk("looking for sessions to end") as link:
            self._sort_all(link, sorter)
            ending = self._ending(link, sorter, surface, wants)
        return {text_of(one): node for one, node in sorted(session_ids(ending).items())}

    def erase(self, surface: Surface, wants: WantsNode, said: Said) -> None:
        """Erase every key that `look` would return as keys."""
        sorter, progress = self._sorter(surface, wants), Progress(said)
        with self._talk("erasing keys") as link:
            due = 0
            for keys in scan(link, "SCAN", count=self._scan_count):
                batches = list(chunks([own.key for own in sorter.sort(keys)], _BATCH))
                progress.add(sum(sound(link, due)))
                if batches:
                    link.send(b"".join(packed("UNLINK", *batch) for batch in batches))
                due = len(batches)
            progress.add(sum(sound(link, due)))
            ending = self._ending(link, sorter, surface, wants)
            unlink(link, [own.key for own in ending.caches], report=progress.add)
            take_out_of_index(link, list(ending.members))
        progress.end()

    def erase_sessions(self, surface: Surface, wants: WantsNode) -> None:
        """Erase every session record that `look` would return, its pointer and its caches."""
        sorter = self._sorter(surface, wants)
        with self._talk("erasing sessions") as link:
            pointers = self._sort_all(link, sorter)
            ending = self._ending(link, sorter, surface, wants)
            erase_records(link, list(ending.records), wants)
            guide = sorter.aside.tenant_records
            others = [own.key for own in (*guide, *pointers, *ending.caches)]
            unlink(link, others, report=lambda _: None)
            take_out_of_index(link, list(ending.members))

    def trim_streams(self) -> int:
        """Empty KATO's `stm:*` streams, and return how many entries these had."""
        sorter = self._sorter(Surface(), lambda _: False)
        with self._talk("emptying streams") as link:
            self._sort_all(link, sorter)
            return sum(trimmed(link, key) for key in sorter.aside.streams)

    def _sorter(self, surface: Surface, wants: WantsNode) -> KeySorter:
        return KeySorter(surface, wants, service=self._service)

    def _own(self, link: Link, sorter: KeySorter, tally: KeyFindings) -> Iterator[list[OwnKey]]:
        """Yield the own keys of each reply; what the consumer asks of them goes to the tally."""
        due: list[OwnKey] = []
        for keys in scan(link, "SCAN", count=self._scan_count):
            own = sorter.sort(keys)
            tally.weigh(due, link.replies(len(due)))
            yield own
            due = own
        tally.weigh(due, link.replies(len(due)))

    def _sort_all(self, link: Link, sorter: KeySorter) -> list[OwnKey]:
        """Go through the whole keyspace, and return the pointers to active sessions."""
        replies = scan(link, "SCAN", count=self._scan_count)
        return [o for keys in replies for o in sorter.sort(keys) if o.kind == "active_pointer"]

    def _ending(self, link: Link, sorter: KeySorter, surface: Surface, wants: WantsNode) -> Ending:
        return read_ending(link, sorter.aside, surface, wants)

    @contextmanager
    def _talk(self, operation: str) -> Iterator[Link]:
        with conversation(self._client, operation=operation, seconds=self._pass_seconds) as link:
            link.send(packed("CLIENT", "NO-TOUCH", "ON"))
            link.replies(1)  # servers before Redis 7.2 do not know it, which is all right
            yield link
