"""Redis keys and sessions: what a purge finds of its surface, and erases.

A survey goes once through the whole keyspace; what it holds is erased by name, in no pass. One
more pass sweeps up what came since and looks with other eyes, and one looks the last time.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager

from services.figures import Measure
from services.jobs.ports import Said
from services.purge.models import KeySurvey, Look, Surface
from services.purge.ports import MayBe, WantsNode
from services.stores.redis.erase_sessions import (
    Ending,
    erase_records,
    read_ending,
    read_records,
    session_id,
    take_out_of_index,
    unlink,
)
from services.stores.redis.link import Client, Link, conversation
from services.stores.redis.look import (
    KeyFindings,
    Telling,
    blockers_of,
    streams_of,
    trimmed,
    unread_of,
    weighed,
)
from services.stores.redis.replicas import replicas, servers
from services.stores.redis.rights import obstacles
from services.stores.redis.server import Standing, standing, unread_databases
from services.stores.redis.sources import HeldSource, Source, WholeKeyspace, source_of
from services.stores.redis.survey import Surveying, newcomers
from services.stores.redis.sweep import Batch, batches, count_unlinked, send_unlinks, swept
from services.stores.redis.targets import KeySorter, Lots, Which
from services.tenancy.layout import text_of


class KeyErasing:
    """Erases from one Redis. `service` is KATO's SERVICE_NAME, `scan_count` the COUNT of SCAN.

    A whole call may take `pass_seconds`, and each answer the client's `socket_timeout`; each goes
    over a new connection. Nothing is sent twice. Every method raises StoreUnavailable,
    StoreDenied, StoreMisconfigured (for one node of a cluster, too) or StoreRejected.
    """

    def __init__(
        self, client: Client, *, service: str, scan_count: int, pass_seconds: float
    ) -> None:
        self._client = client
        self._service = service
        self._scan_count = scan_count
        self._pass_seconds = pass_seconds

    # --- asking -------------------------------------------------------------------------------

    def survey(self, may_be: MayBe) -> KeySurvey:
        """Go once through the whole keyspace, and hold the keys of who may be the target."""
        surveying = Surveying(may_be, service=self._service)
        with self._talk("going through all keys") as (link, _):
            whole = WholeKeyspace(link, count=self._scan_count)
            for keys in whole.replies():
                surveying.take(keys)
            return surveying.finish(link, whole.everything(), count=self._scan_count)

    def rights(self, *, trim_streams: bool = False) -> tuple[str, ...]:
        """Say why this server or user cannot erase or look, in words; nothing is changed."""
        with self._talk("asking what is allowed") as (link, found):
            return obstacles(link, found, service=self._service, trim=trim_streams)

    def replicas(self) -> int:
        """Return how many replicas follow this server, by which a deletion may come back.

        Raises StoreDenied where the user may not know.
        """
        with self._talk("asking for its replicas") as (link, _):
            return replicas(link)

    def servers(self) -> frozenset[str]:
        """Return what the servers that hold the keys are known by; none where it is not told."""
        with self._talk("asking which server it is") as (link, _):
            return servers(link)

    def nodes(self, known: Container[str]) -> Mapping[str, str]:
        """Return session ids in KATO's index that are not known yet, with their node_ids.

        Without a pass over the keyspace. A session that is gone, or unreadable, has none.
        """
        with self._talk("looking for new sessions") as (link, _):
            found = newcomers(link, lambda one: text_of(one) in known, count=self._scan_count)
        return _by_id(found)

    def look(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None, *,
        weigh: bool = True,
    ) -> Look:  # fmt: skip
        """Return an Item for each owner and kind of key, and for the sessions of each node_id.

        The memory of a kb_id's keys is asked for only with `weigh`.
        """
        tally, sorter = KeyFindings(), self._sorter(surface, wants)
        with self._talk("looking for keys to erase") as (link, _):
            source = self._source(link, surface, wants, survey)
            if weigh:
                source.weigh(sorter, tally)
            else:
                source.count(sorter, tally)
            ending = read_ending(link, sorter.aside, surface, wants)
            tally.weigh(ending.caches, weighed(link, ending.caches))
            for records in (_records_of(ending), sorter.aside.tenant_records):
                tally.weigh(records, weighed(link, records), store=Measure.SESSIONS)
            streams = streams_of(link, sorter.aside.streams)
            unread = tuple(unread_databases(link))
            everything = source.everything()
        for one, node in ending.members.items():
            tally.count(Measure.KEYS, node, "session_index", 1, sample=one)
        return Look(
            tally.items(),
            blockers_of(sorter, ending),
            (*streams.values(), *unread_of(ending), *unread),
            everything=everything,
            streams=tuple(streams),
        )

    def sessions(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> Mapping[str, str]:
        """Return the ids of KATO's sessions that are to end, with their node_ids."""
        sorter = self._sorter(surface, wants)
        with self._talk("looking for sessions to end") as (link, _):
            deque(self._source(link, surface, wants, survey).sessions(sorter), maxlen=0)
            return _by_id(read_records(link, sorter.aside.records, wants))

    # --- erasing ------------------------------------------------------------------------------

    def erase(
        self, surface: Surface, wants: WantsNode, said: Said, survey: KeySurvey | None = None
    ) -> None:
        """Erase every key that `look` would return as keys."""
        sorter, telling = self._sorter(surface, wants), Telling(said, "keys erased")
        with self._talk("erasing keys") as (link, _):
            source = self._source(link, surface, wants, survey)
            replies = source.own(sorter)
            if isinstance(source, HeldSource):
                lots = [*replies]
                telling.whole, replies = sum(map(_size, lots)), iter(lots)
            self._unlink(link, replies, telling)
            ending = read_ending(link, sorter.aside, surface, wants)
            telling.expect(_size(ending.caches))
            unlink(link, ending.caches, report=telling.add)
            take_out_of_index(link, ending.members)
        telling.end()

    def sweep(self, surface: Surface, wants: WantsNode, said: Said) -> Look:
        """Go once through the whole keyspace, erase what is there of the surface, and tell what.

        Sessions of wanted node_ids end in Redis too. `everything` is without what was erased.
        A key that names the surface, and is not surely somebody else's, is a blocker.
        """
        with self._talk("sweeping up keys") as (link, _):
            whole = WholeKeyspace(link, count=self._scan_count)
            return swept(link, whole, surface, wants, said=said, service=self._service)

    def erase_sessions(
        self, surface: Surface, wants: WantsNode, survey: KeySurvey | None = None
    ) -> None:
        """Erase every session record that `look` would return, its pointer and its caches."""
        sorter = self._sorter(surface, wants)
        with self._talk("erasing sessions") as (link, _):
            pointers = _pointers_in(self._source(link, surface, wants, survey).sessions(sorter))
            ending = read_ending(link, sorter.aside, surface, wants)
            erase_records(link, list(ending.records), wants)
            for lots in (sorter.aside.tenant_records, pointers, ending.caches):
                unlink(link, lots, report=lambda _: None)
            take_out_of_index(link, ending.members)

    def trim_streams(self) -> int:
        """Empty KATO's `stm:*` streams, and return how many entries these had."""
        nobody = Surface()
        sorter = self._sorter(nobody, lambda _: False)
        with self._talk("emptying streams") as (link, _):
            deque(WholeKeyspace(link, count=self._scan_count).own(sorter), maxlen=0)
            return sum(trimmed(link, key) for key in sorter.aside.streams)

    # --- what these share -----------------------------------------------------------------------

    def _sorter(self, surface: Surface, wants: WantsNode) -> KeySorter:
        return KeySorter(surface, wants, service=self._service)

    def _source(
        self, link: Link, surface: Surface, wants: WantsNode, survey: KeySurvey | None
    ) -> Source:
        return source_of(link, surface, wants, survey, count=self._scan_count)

    def _unlink(self, link: Link, replies: Iterator[Lots], telling: Telling) -> None:
        """Erase the keys of one reply while the next is under way."""
        nothing = KeyFindings()
        due: list[Batch] = []
        for own in replies:
            telling.add(count_unlinked(link, due, nothing))
            due = batches(own)
            send_unlinks(link, due)
        telling.add(count_unlinked(link, due, nothing))

    @contextmanager
    def _talk(self, operation: str) -> Iterator[tuple[Link, Standing]]:
        with conversation(self._client, operation=operation, seconds=self._pass_seconds) as link:
            yield link, standing(link)


def _by_id(records: Mapping[bytes, str]) -> Mapping[str, str]:
    return {text_of(session_id(key)): node for key, node in sorted(records.items())}


def _records_of(ending: Ending) -> Lots:
    """Return the session records by their node_id."""
    found = defaultdict[Which, list[bytes]](list)
    for key, node in ending.records.items():
        found[node, "session"].append(key)
    return found


def _pointers_in(replies: Iterator[Lots]) -> Lots:
    """Return the pointers to active sessions among the keys of a whole source."""
    found = defaultdict[Which, list[bytes]](list)
    for lots in replies:
        for which, keys in lots.items():
            if which[1] == "active_pointer":
                found[which] += keys
    return found


def _size(lots: Lots) -> int:
    return sum(map(len, lots.values()))
