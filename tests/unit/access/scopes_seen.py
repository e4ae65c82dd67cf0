"""Random fleets with look-alike names and shared kb_ids, and a walk over all that a value says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from hypothesis import settings, strategies as st

from services.access.viewer import Role, TenantPattern, Viewer
from services.errors import Problem, StoreUnavailable
from services.figures import Amount, Measure, StoreState
from services.instances.naming import name_of
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import Owner, OwnerKind
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.readings import (
    CollectionUsage,
    KeyGroup,
    KeyReading,
    PatternReading,
    PatternUsage,
    SessionRecord,
    TableInfo,
    VectorReading,
)
from services.usage.rollup import Readings, roll_up
from services.usage.snapshot import Snapshot, StoreFigures
from tests.unit.isolation.fleets_seen import NOW

SCHEMES = NamingSchemes.of()
KINDS = ("tenant:{}:user:{}", "org:{}:dept:d:user:{}", "app:{}:ctx:c:user:{}")
SIGNS = ("-", ".", ":", "_", ":user:", "-user-", ".user.")
"""KATO sanitises each to underscores: names that differ in nothing else look alike.

With `:user:` in it a name can be read in two ways.
"""
DASH, DOT = "tenant:acme-corp:user:bob", "tenant:acme.corp:user:bob"
"""The node_ids of two tenants who share `SHARED_KB`."""
SHARED_KB = "tenant_acme_corp_user_bob_kato"
ALONE = "tenant:acme-corp:user:eve"
"""A node_id whose kb_id is one tenant's alone."""

few = settings(max_examples=min(40, settings().max_examples))


@dataclass(frozen=True)
class Made:
    """One tenant of a fleet: its node_ids, and how much it has."""

    tenant: TenantKey
    nodes: tuple[str, ...]
    weight: int
    sessions: int
    guides: int  # keys, points and a collection in the guide layout


@st.composite
def fleets(draw: st.DrawFn) -> tuple[Made, ...]:
    """Families of look-alikes: each has a word of its own, and so has each user."""
    found: dict[TenantKey, Made] = {}
    for at in range(draw(st.integers(1, 4))):
        word = f"fam{'abcdefgh'[at]}qz"
        template = draw(st.sampled_from(KINDS))
        for sign in draw(st.sets(st.sampled_from(SIGNS), min_size=1, max_size=3)):
            made = draw(_made(template, f"{word}{sign}corp", f"usr{word[3]}xw"))
            found[made.tenant] = made
    return tuple(found.values())


@st.composite
def _made(draw: st.DrawFn, template: str, name: str, user: str) -> Made:
    users = draw(st.sets(st.sampled_from([f"{user}{n}" for n in "kmn"]), min_size=1))
    nodes = tuple(sorted(template.format(name, each) for each in users))
    reading = SCHEMES.read(nodes[0])
    assert reading
    tenant = reading.tenant
    number = st.integers(0, 3)
    guides = draw(number) if tenant == TenantKey("tenant", name) else 0
    return Made(tenant, nodes, draw(st.integers(1, 9)), draw(number), guides)


@st.composite
def scopes(draw: st.DrawFn, made: tuple[Made, ...]) -> Viewer:
    """Some tenants, one at least of them there, or every one of a kind."""
    some = draw(st.sets(st.sampled_from([each.tenant for each in made])))
    patterns = {TenantPattern(tenant.kind, tenant.id) for tenant in some}
    patterns |= {TenantPattern(kind, "*") for kind in draw(st.sets(st.sampled_from(["org", "kb"])))}
    return Viewer("somebody", Role.SUPPORT, frozenset(patterns))


cases = fleets().flatmap(lambda made: st.tuples(st.just(made), scopes(made)))
"""A fleet, and somebody with some of it in scope."""


def viewer(*scope: str) -> Viewer:
    """Somebody with these patterns in scope."""
    return Viewer("somebody", Role.SUPPORT, frozenset(map(TenantPattern.parse, scope)))


def ownership_of(made: Iterable[Made]) -> Ownership:
    """Who owns what, by every node_id of a fleet."""
    return Ownership([node for each in made for node in each.nodes], schemes=SCHEMES)


def snapshot_of(made: tuple[Made, ...], ownership: Ownership) -> Snapshot:
    """What the stores hold of a fleet, rolled up; what is nobody's names everyone."""
    readings = Readings(_patterns(made), _keys(made), _vectors(made))
    rolled = roll_up(readings, ownership, shared_collections=frozenset({"kato_vectors"}))
    everyone = " ".join(node for each in made for node in each.nodes)
    stores = {
        m: StoreFigures(
            m, StoreState.OK, rolled.sums[m],
            StoreUnavailable("redis", f"scan of {everyone}", m.value).problem, NOW,
            difference=Amount(7, 7), seconds=1.0, last_good=rolled.sums[m],
        )
        for m in Measure
    }  # fmt: skip
    keys = readings.keys
    assert keys
    assert readings.patterns
    assert readings.vectors
    return Snapshot(
        NOW, stores, rolled.tenants, rolled.shared, rolled.unattributed, keys.sessions,
        readings.patterns.tables, readings.vectors.collections,
        replace(keys, groups=(), sessions=None), Problem(f"KATO stores {everyone} elsewhere"),
    )  # fmt: skip


def _weights(made: Iterable[Made]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in made:
        for node in each.nodes:
            found[kb_id_of(node)] = found.get(kb_id_of(node), 0) + each.weight
    return found


def _patterns(made: tuple[Made, ...]) -> PatternReading:
    usages = tuple(
        PatternUsage(kb, Amount(n, n * 10), NOW, NOW, {"patterns_data": n})
        for kb, n in _weights(made).items()
    )
    table = TableInfo("patterns_data", "MergeTree", "kb_id", True, 1, 1, 1, 1)
    return PatternReading(usages, (table,), Amount(sum(_weights(made).values()), 1))


def _keys(made: tuple[Made, ...]) -> KeyReading:
    groups = [
        KeyGroup(Owner(OwnerKind.KB, kb), "frequency", Amount(n, n))
        for kb, n in _weights(made).items()
    ]
    groups += [
        KeyGroup(Owner(OwnerKind.NODE, node), "active_pointer", Amount(1, 9))
        for each in made for node in each.nodes[: each.sessions]
    ]  # fmt: skip
    groups += [
        KeyGroup(Owner(OwnerKind.TENANT, each.tenant.id), "namespaced", Amount(each.guides, 5))
        for each in made if each.guides
    ]  # fmt: skip
    strays = tuple(f"stray {node}" for each in made for node in each.nodes)
    groups.append(KeyGroup(Owner(OwnerKind.NONE, ""), "unknown", Amount(len(strays), 1)))
    return KeyReading(tuple(groups), _sessions(made), 99, 99, 5, 5, 5, 5, samples=strays)


def _sessions(made: tuple[Made, ...]) -> tuple[SessionRecord, ...]:
    owners = [
        (Owner(OwnerKind.NODE, node), at)
        for each in made for node in each.nodes for at in range(each.sessions)
    ]  # fmt: skip
    owners += [(Owner(OwnerKind.TENANT, each.tenant.id), 0) for each in made if each.guides]
    return tuple(
        SessionRecord(
            f"kato:session:{owner.name} {at}", f"{owner.name} {at}", owner, NOW, NOW, 60.0, 1, 10
        )
        for owner, at in owners
    )


def _vectors(made: tuple[Made, ...]) -> VectorReading:
    own = [
        CollectionUsage(f"vectors_{kb}", Amount(n, n * 10), "green")
        for kb, n in _weights(made).items() if n % 2
    ]  # fmt: skip
    own += [
        CollectionUsage(f"kato_tenant_{each.tenant.id}", Amount(3, 30), "green")
        for each in made if each.guides
    ]  # fmt: skip
    points = {each.tenant.id: each.guides for each in made if each.guides}
    whole = sum(points.values()) + 4
    said = f"points of {list(points)} are several tenants'"
    split = CollectionUsage(
        "kato_vectors", Amount(whole, whole * 10), "green", 8, "Dot", whole, points, said
    )
    return VectorReading((*own, split), Amount(1, 1))


# --- what a value says ------------------------------------------------------------------------


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text in a value, however deep, and its representation."""
    yield repr(value)
    yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield str(value)
        return
    inside: Iterable[Any] = ()
    if is_dataclass(value):
        inside = [getattr(value, each.name) for each in fields(value)]
    elif isinstance(value, Mapping):
        inside = value.items()
    elif isinstance(value, tuple | list | set | frozenset):
        inside = value
    for each in inside:
        yield from _texts(each)


def names_hidden(made: Iterable[Made], viewer: Viewer) -> set[str]:
    """Every name of tenants out of scope that is no part of a visible one's.

    Ids, node_ids, kb_ids, and what an instance of a tenant is called, which goes by its id alone.
    """
    hidden, own = set[str](), set[str]()
    for each in made:
        kb_ids = map(kb_id_of, each.nodes)
        names = {each.tenant.id, *each.nodes, *kb_ids, name_of(each.tenant)}
        if viewer.sees(each.tenant):
            own |= names
        else:
            hidden |= names
    return {name for name in hidden if not any(name in other for other in own)}


def names_told(value: Any, names: Iterable[str]) -> set[str]:
    """Those of the names that a value holds anywhere; a number only where it stands for itself.

    In a time or a hash it is by chance.
    """
    said = "\n".join(texts_in(value))
    return {
        name for name in names
        if (re.search(rf"(?<![\w.]){name}(?!\w)", said) if name.isdecimal() else name in said)
    }  # fmt: skip
