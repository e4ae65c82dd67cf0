"""Who has what was looked for, by a snapshot and the node_ids seen. Pure: no store is asked.

One walk over the names: only the few of which a field can be the text are read by the naming
schemes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from services.find.index import FleetIndex
from services.find.models import (
    COLLECTION,
    KB,
    NODE,
    SESSION,
    TENANT,
    Certainty,
    Match,
    Place,
    Question,
)
from services.find.probes import Probes
from services.tenancy.kb_ids import TenantKey, sanitise
from services.tenancy.layout import NOBODY, Owner, OwnerKind, owners_of_collection
from services.tenancy.ownership import Claim, ClaimState
from services.tenancy.schemes import NamingScheme
from services.usage.readings import CollectionUsage, SessionRecord

_MOST_READINGS = 16
_USER = "user"


def matches_of(index: FleetIndex, question: Question) -> tuple[Match, ...]:
    """Return everything that fits, each once, what fits best first."""
    found: dict[tuple[str, str, TenantKey | None, Place | None], Match] = {}
    for text in question.texts:
        for match in _equal(index, text):
            found.setdefault((match.what, match.found, match.tenant, match.place), match)
    if question.contains:
        for text in question.texts:
            for match in _holding(index, text.casefold()):
                found.setdefault((match.what, match.found, match.tenant, match.place), match)
    return tuple(found.values())


def claimed(
    claim: Claim, what: str, name: str, place: Place | None, *, how: str = "",
    certainty: Certainty = Certainty.EXACT,
) -> Iterator[Match]:  # fmt: skip
    """Yield a match for each holder of something; one without a tenant where nobody holds it."""
    for tenant in claim.tenants or (None,):
        yield Match(
            what, name, certainty, tenant, place, claim.state, how or claim.why, claim.others
        )


# --- names that are the text ------------------------------------------------------------------


def _equal(index: FleetIndex, text: str) -> Iterator[Match]:
    yield from _tenants(index, text)
    yield from _nodes(index, text)
    if index.has_kb(text):
        yield from claimed(index.ownership.kb(text), KB, text, Place(text))
    yield from _fields(index, text)
    yield from _inferred_fields(index, text)
    yield from _sessions(index, text)
    if text in index.collections:
        yield from _collection(index, text)


def _tenants(index: FleetIndex, text: str) -> Iterator[Match]:
    kind, _, name = text.partition("/")
    named = [TenantKey(kind, name)] if name and TenantKey(kind, name) in index.tenants else []
    for tenant in sorted({*index.ids.get(text, ()), *named}):
        yield _tenant(index, tenant)
    for tenant in index.ids.get(sanitise(text), ()):
        match = _tenant(index, tenant)
        if tenant.id != text and match.state is ClaimState.INFERRED:
            how = "its id as far as a kb_id keeps it; no node_id of it was seen"
            yield replace(match, certainty=Certainty.INFERRED, how=how)


def _tenant(index: FleetIndex, tenant: TenantKey) -> Match:
    usage = index.tenants.get(tenant)
    state = usage.claim if usage is not None else ClaimState.KNOWN
    return Match(TENANT, str(tenant), Certainty.EXACT, tenant, None, state, "its own id")


def _nodes(index: FleetIndex, text: str) -> Iterator[Match]:
    ownership = index.ownership
    kb_id = ownership.kb_id_of(text)
    if text in ownership.nodes:
        yield from _on_kb(index, ownership.node(text), NODE, text, kb_id)
    elif index.has_kb(kb_id):
        how = "this node_id was never seen; KATO would store it under this kb_id"
        yield from claimed(
            ownership.kb(kb_id), NODE, text, Place(kb_id), how=how, certainty=Certainty.INFERRED
        )


def _on_kb(
    index: FleetIndex, claim: Claim, what: str, node: str, kb_id: str, *, how: str = ""
) -> Iterator[Match]:
    """Yield the match of a node_id that was seen; its kb_id may be others' too."""
    shared = index.ownership.kb(kb_id).state is ClaimState.SHARED
    state = ClaimState.SHARED if shared else claim.state
    yield from claimed(replace(claim, state=state), what, node, Place(kb_id), how=how)


def _fields(index: FleetIndex, text: str) -> Iterator[Match]:
    """Yield the node_ids seen of which a field is the text."""
    for node in Probes.raw(index.ownership.schemes, text).fitting(index.nodes):
        read = _read(index, node, raw=True)
        if read is None or not (name := read.field_equal(text)):
            continue
        owner = Claim(ClaimState.KNOWN, (read.scheme.tenant(read.readings[0]),), "")
        claim = read.claim(owner, name)
        kb_id = index.ownership.kb_id_of(node)
        yield from _on_kb(index, claim, name, node, kb_id, how=claim.why)


def _inferred_fields(index: FleetIndex, text: str) -> Iterator[Match]:
    """Yield the kb_ids of no seen node_id of which a field is the text, as far as they keep it."""
    kept, schemes = sanitise(text), index.ownership.schemes
    probes = Probes.raw(schemes, text), Probes.sanitised(schemes, text)
    for node in dict.fromkeys(n for each in probes for n in each.fitting(index.legible)):
        raw = sanitise(node) != node  # the guide layout, in which the kb_id is the node_id
        read = _read(index, node, raw=raw)
        if read is not None and (name := read.field_equal(text if raw else kept)):
            for kb_id in index.legible[node]:
                yield from _inferred(index, read, name, kb_id)


def _inferred(index: FleetIndex, read: _Read, name: str, kb_id: str) -> Iterator[Match]:
    claim = read.claim(index.ownership.kb(kb_id), name)
    how = f"{claim.why}; no node_id on it was seen"
    yield from claimed(claim, name, kb_id, Place(kb_id), how=how, certainty=Certainty.INFERRED)


# --- names that hold the text -----------------------------------------------------------------


def _holding(index: FleetIndex, text: str) -> Iterator[Match]:
    named: tuple[tuple[Iterable[str], Callable[[str], Iterable[Match]]], ...] = (
        (index.ids, lambda name: (_tenant(index, tenant) for tenant in index.ids[name])),
        (index.nodes, lambda name: _held_node(index, name, text)),
        (index.loose, lambda name: claimed(index.ownership.kb(name), KB, name, Place(name))),
        (index.sessions, lambda name: _sessions(index, name)),
        (index.collections, lambda name: _collection(index, name)),
    )
    for names, matches in named:
        for name in names:
            if text in name.casefold():
                yield from (replace(m, certainty=Certainty.CONTAINS) for m in matches(name))


def _held_node(index: FleetIndex, node: str, text: str) -> Iterator[Match]:
    read = _read(index, node, raw=True)
    what = (read and read.field_holding(text)) or NODE
    kb_id = index.ownership.kb_id_of(node)
    return _on_kb(index, index.ownership.node(node), what, node, kb_id)


# --- what names mean --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Read:
    """What the most telling scheme reads out of a node_id: every way to read it."""

    scheme: NamingScheme
    readings: tuple[Mapping[str, str], ...]

    def field_equal(self, text: str) -> str:
        """Return the field that is the text in any reading, or an empty string."""
        return next((name for name, value in self._fields() if value == text), "")

    def field_holding(self, text: str) -> str:
        """Return the field that holds a text, in either case, or an empty string."""
        return next((name for name, value in self._fields() if text in value.casefold()), "")

    def _fields(self) -> Iterable[tuple[str, str]]:
        """Yield each field that is not the tenant's own id, or is a user's."""
        for values in self.readings:
            for name, value in values.items():
                if name != self.scheme.kind or name == _USER:
                    yield name, value

    def claim(self, claim: Claim, name: str) -> Claim:
        """Return a claim whose reason says in which field the text is, and how sure that is."""
        why = f"matched as {name} by the naming scheme {self.scheme.template}"
        if len(self.readings) > 1:
            why += "; the name can be read in another way too"
        tenants = dict.fromkeys(map(self.scheme.tenant, self.readings))
        others = (tenant for tenant in tenants if tenant not in claim.tenants)
        return replace(claim, why=why, others=tuple(dict.fromkeys((*claim.others, *others))))


def _read(index: FleetIndex, node: str, *, raw: bool) -> _Read | None:
    for scheme in index.ownership.schemes.by_weight:
        readings = scheme.readings(node) if raw else scheme.readings_sanitised(node)
        found = tuple(islice(readings, _MOST_READINGS))
        if found:
            return _Read(scheme, found)
    return None


def _sessions(index: FleetIndex, name: str) -> Iterator[Match]:
    for record in index.sessions.get(name, ()):
        yield from _session(index, record)


def _session(index: FleetIndex, record: SessionRecord) -> Iterator[Match]:
    """Yield the match of one session, which belongs to the tenant of its own node_id."""
    claim = index.ownership.owner(record.owner)
    place = place_of(index, record.owner)
    how = record.problem or f"its record names {_NAMED[record.owner.kind]}"
    yield from claimed(claim, SESSION, record.session_id, place, how=how)


_NAMED = {
    OwnerKind.NODE: "its node_id",
    OwnerKind.TENANT: "its tenant, in the guide layout",
    OwnerKind.KB: "its kb_id",
    OwnerKind.NONE: "nobody",
}


def place_of(index: FleetIndex, owner: Owner) -> Place | None:
    """Return where an owner's data lies."""
    match owner.kind:
        case OwnerKind.KB:
            return Place(owner.name)
        case OwnerKind.NODE:
            return Place(index.ownership.kb_id_of(owner.name))
        case OwnerKind.TENANT:
            return Place(f"tenant:{owner.name}", is_kb=False)
        case _:
            return None


def _collection(index: FleetIndex, name: str) -> Iterator[Match]:
    """Yield the matches of a collection by one of its names: whose it is, all of them tell."""
    collection = index.collections[name]
    via = "" if name == collection.name else f"an alias of the collection {collection.name}; "
    for owner, claim in _claims_on(index, collection):
        how = f"{via}{claim.why}"
        yield from claimed(claim, COLLECTION, name, place_of(index, owner), how=how)


def _claims_on(index: FleetIndex, collection: CollectionUsage) -> Iterator[tuple[Owner, Claim]]:
    """Yield the claim of each owner; where there are several, the others are named in it."""
    owned = index.ownership
    if collection.points_by_tenant is not None:
        for tenant_id in collection.points_by_tenant:
            owner = Owner(OwnerKind.TENANT, tenant_id)
            yield owner, owned.owner(owner)
        return
    owners = owners_of_collection(collection.names, index.shared_collections) or (NOBODY,)
    together = owned.jointly(owners)
    for owner in owners:
        claim = owned.owner(owner)
        yield owner, claim if len(owners) == 1 else _with(claim, together)


def _with(claim: Claim, together: Claim) -> Claim:
    """Return one owner's claim on what it has together with others."""
    others = (t for t in (*together.tenants, *together.others) if t not in claim.tenants)
    state = together.state if together.state is ClaimState.SHARED else claim.state
    return replace(claim, state=state, why=together.why, others=tuple(dict.fromkeys(others)))
