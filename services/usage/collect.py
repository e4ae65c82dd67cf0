"""The usage snapshot: ask every store once, at the same time, and roll up what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from services.ask_stores import Emit, Pass, Turns, ask_all
from services.figures import Amount, Measure, Precision, StoreState
from services.tenancy.names import CAME
from services.tenancy.ownership import Ownership
from services.usage.kept import Kept, Owners
from services.usage.nodes_seen import idle_kb_ids, kato_problem, nodes_in
from services.usage.places import KeptPlaces
from services.usage.readings import (
    KeyReading,
    PatternReading,
    ProcessorReading,
    VectorReading,
)
from services.usage.rollup import Readings, RolledUp, roll_up
from services.usage.snapshot import Snapshot, StoreFigures, difference, is_untold, own_total

if TYPE_CHECKING:
    from services.usage.ports import (
        KeySource,
        PatternSource,
        ProcessorSource,
        Reading,
        Source,
        UsageRecords,
    )

_PROGRESS_PART = 0.1
_KATO = "kato"


@dataclass(frozen=True, slots=True)
class _Asked:
    """How each pass went, so far, by name: a store's measure, or `kato`."""

    passes: Mapping[str, Pass[Any]]

    @property
    def ended(self) -> bool:
        return not any(each.pending for each in self.passes.values())

    @property
    def readings(self) -> Readings:
        return Readings(**{n: each.reading for n, each in self.passes.items() if n != _KATO})

    @property
    def keys(self) -> Pass[KeyReading]:
        return self.passes[Measure.KEYS]

    @property
    def kato(self) -> Pass[ProcessorReading]:
        return self.passes[_KATO]

    def of(self, name: str) -> Pass[Any]:
        return _sessions_pass(self.keys) if name == Measure.SESSIONS else self.passes[name]


class UsageService:
    """Collects the usage of the whole fleet.

    A store that tells that nothing was written since its last pass is not passed through again,
    until that pass is `whole_every` seconds ago. Stores are asked in a `turn`.
    """

    def __init__(
        self,
        *,
        patterns: PatternSource,
        keys: KeySource,
        single_pass: Mapping[Measure, Source],
        kato: ProcessorSource,
        state: UsageRecords,
        owners: Owners,
        service: str = "kato",
        shared_collections: frozenset[str] = frozenset(),
        deadline: float = 300.0,
        whole_every: float = 0.0,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._patterns, self._keys, self._kato = patterns, keys, kato
        self._single_pass = single_pass
        self._state = state
        self._service, self._shared_collections = service, shared_collections
        self._deadline = deadline
        self._owners = owners
        self._whole_every, self._turn = whole_every, turn
        self._kept, self._places = Kept(), KeptPlaces()
        self._idle: frozenset[str] = frozenset()
        self._last_good: dict[Measure, tuple[datetime, Amount]] = {}
        self._failing: dict[str, datetime] = {}

    def ownership(self) -> Ownership:
        """Return who owns what, by every node_id that was ever seen."""
        return self._owners.now()

    def carry_on(self, snapshot: Snapshot) -> None:
        """Go on after what another dashboard read: a store fails since it failed there."""
        failing = {str(name): each.failing_since for name, each in snapshot.stores.items()}
        failing[_KATO] = snapshot.kato_failing_since
        self._failing = {name: at for name, at in failing.items() if at is not None}

    def collect(
        self, *, progress: Callable[[Snapshot], None] | None = None, record: bool = True
    ) -> Snapshot:
        """Ask every store in parallel, one pass each, and return the fleet's usage.

        A store that fails leaves its figures unknown; the others stay. With `progress`, what is
        known before all passes have ended is handed out as it comes: first KATO's own counters,
        then the running pass, each marked as what it is. Without `record` nothing is written.
        """
        if not self._last_good:
            self._last_good = self._state.last_totals()
        with self._turn():
            asked = self._ask_silently() if progress is None else self._ask_aloud(progress)
        if record:
            self._record_nodes(asked)
        ownership, readings = self.ownership(), asked.readings
        same = self._kept.rolled_up(readings, ownership)
        rolled = same or self._roll_up(readings, ownership)
        self._kept = Kept(readings, ownership, rolled)
        snapshot = self._snapshot(asked, rolled)
        self._note_failures(asked)
        self._remember(snapshot, record=record)
        if same is None:
            self._idle = idle_kb_ids(rolled.kb_ids, ownership)
        return snapshot

    def _ask_silently(self) -> _Asked:
        kept, every = self._kept, self._whole_every
        return self._ask(
            patterns=lambda _: self._patterns.read(last=kept.patterns(every=every)),
            keys=lambda _: self._keys.read(last=kept.keys(every=every)),
        )

    def _ask_aloud(self, progress: Callable[[Snapshot], None]) -> _Asked:
        from services.usage.cold_start import Opening  # noqa: PLC0415  most show nothing

        ownership, turns, opening = None, Turns(_PROGRESS_PART), Opening()
        names = (Measure.PATTERNS, Measure.KEYS, *self._single_pass, _KATO)
        asked = _Asked({name: Pass.begun(datetime.now(UTC)) for name in names})

        def news(name: str, result: Pass[object]) -> None:
            nonlocal asked, ownership
            asked = _Asked({**asked.passes, name: result})
            if _precision(result) is Precision.RUNNING and not turns.due():
                return
            if name == "patterns" and result.pending and _awaited(asked.keys):
                return  # the first figure of keys is about to come, and one roll-up does for both
            if asked.ended:
                return  # these figures are what is returned next
            ownership = ownership or self.ownership()  # read while the stores are busy
            with turns.taken():
                rolled = self._roll_up(asked.readings, ownership)
                progress(self._snapshot(asked, rolled))
            opening.shown(name)

        return self._ask(
            patterns=lambda emit: opening.patterns(self._patterns, emit),
            keys=lambda emit: opening.keys(self._keys, emit),
            on_news=news,
        )

    def _ask(
        self,
        *,
        patterns: Callable[[Emit], PatternReading],
        keys: Callable[[Emit], KeyReading],
        on_news: Callable[[str, Pass[object]], None] | None = None,
    ) -> _Asked:
        results = ask_all(
            {
                "patterns": patterns,
                "keys": keys,
                **{m.value: partial(_read, source) for m, source in self._single_pass.items()},
                _KATO: lambda _: self._kato.cached_processors(),
            },
            deadline=self._deadline,
            on_news=on_news,
        )
        return _Asked(results)

    def _record_nodes(self, asked: _Asked) -> None:
        """Record the node_ids seen; those of keys that are as they were are on record."""
        same = self._kept.has_keys(asked.keys.reading)
        kb_ids_of = (self._kept.ownership or self.ownership()).kb_ids_of
        seen = {
            node: source if self._idle.isdisjoint(kb_ids_of(node)) else CAME
            for node, source in nodes_in(asked.kato, None if same else asked.keys.reading)
        }
        self._state.record_nodes(seen, datetime.now(UTC))

    def _roll_up(self, readings: Readings, ownership: Ownership) -> RolledUp:
        return roll_up(
            readings, ownership, shared_collections=self._shared_collections,
            before=self._kept.rolled, places=self._places.of(ownership),
        )  # fmt: skip

    def _snapshot(self, asked: _Asked, rolled: RolledUp) -> Snapshot:
        readings = asked.readings
        return Snapshot(
            collected_at=datetime.now(UTC),
            stores={measure: self._figures(measure, asked, rolled) for measure in Measure},
            tenants=rolled.tenants,
            shared=rolled.shared,
            unattributed=rolled.unattributed,
            sessions=readings.keys.sessions if readings.keys else None,
            tables=readings.patterns.tables if readings.patterns else (),
            collections=readings.vectors.collections if readings.vectors else (),
            keys=_without_parts(readings.keys),
            kato_problem=kato_problem(asked.kato, self._service),
            kato_failing_since=self._since(_KATO, asked.kato),
            vector_cluster=readings.vectors.cluster if readings.vectors else None,
        )

    def _figures(self, measure: Measure, asked: _Asked, rolled: RolledUp) -> StoreFigures:
        source = asked.of(measure)
        at, amount = self._last_good.get(measure, (None, None))
        if source.reading is None:
            return StoreFigures(
                measure, source.state, None, source.reason, at, seconds=source.seconds,
                precision=Precision.RUNNING if source.pending else Precision.EXACT,
                last_good=amount, failing_since=self._since(measure, source),
            )  # fmt: skip
        total = own_total(measure, source.reading, rolled.sums[measure])
        return StoreFigures(
            measure,
            StoreState.OK,
            total,
            None,
            source.at,
            precision=source.reading.precision,
            share=source.reading.share if isinstance(source.reading, KeyReading) else 1.0,
            difference=None
            if is_untold(source.reading) and measure is Measure.KEYS
            else difference(total, rolled.sums[measure]),
            seconds=source.seconds,
            last_good=total,
            memory_at=source.reading.memory_at
            if isinstance(source.reading, KeyReading) and measure is Measure.KEYS
            else None,
            bytes_note=source.reading.bytes_note
            if isinstance(source.reading, VectorReading)
            else "",
        )

    def _since(self, name: str, source: Pass[Any]) -> datetime | None:
        """Return when the first pass in a row failed, as far as this process has asked."""
        failed = source.state is StoreState.UNKNOWN and not source.pending
        return self._failing.get(name, source.at) if failed else None

    def _note_failures(self, asked: _Asked) -> None:
        found = {name: self._since(name, asked.of(name)) for name in (*Measure, _KATO)}
        self._failing = {name: since for name, since in found.items() if since is not None}

    def _remember(self, snapshot: Snapshot, *, record: bool) -> None:
        totals = {
            measure: figures.total
            for measure, figures in snapshot.stores.items()
            if figures.total is not None
        }
        if record:
            self._state.record_totals(totals, snapshot.collected_at)
        self._last_good |= {m: (snapshot.collected_at, amount) for m, amount in totals.items()}


def _read(source: Source, _: Emit) -> Reading:
    return source.read()


def _awaited(result: Pass[KeyReading]) -> bool:
    return result.pending and result.reading is None


def _precision(result: Pass[object]) -> Precision | None:
    return result.reading.precision if isinstance(result.reading, KeyReading) else None


def _without_parts(reading: KeyReading | None) -> KeyReading | None:
    """Keep what a pass said of the whole keyspace: its groups are many, and rolled up by now."""
    return (
        replace(reading, groups=(), sessions=None, mark=None, base=None)
        if reading is not None
        else None
    )


def _sessions_pass(keys: Pass[KeyReading]) -> Pass[KeyReading]:
    """Return how reading the sessions goes: they come at the end of the pass over Redis."""
    unread = keys.reading is not None and keys.reading.sessions is None
    return Pass.begun(keys.at) if unread else keys
