"""Rules: stored ids that KATO does not bear, or that a careless tool would run as its query. Pure.

This product binds every id as data and escapes every glob, so that none of these harms it. KATO
itself does not everywhere; other tools, and KATO's isolation guide, put ids into quoted text and
into globs as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from services.isolation.about import About, Evidence, Fact, ShownTo, these
from services.isolation.evidence import in_order, listed, samples, wholly_read
from services.isolation.models import SAMPLES, Deed, DeedKind, Finding, Rule, Seen
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import owners_of_collection
from services.tenancy.unborne import TEST_PREFIX, is_test, unescaped

_UNBORNE, _TEST = "hostile.unescaped", "hostile.test"
_QUOTED, _GLOB = "hostile.quoted", "hostile.glob"

_BREAKS_OUT = re.compile(r"""['"`\\\x00-\x1f\x7f-\x9f\ud800-\udfff]""")
_WILDCARD = re.compile(r"[*?\[\]%]")

_PLAINEST = (About.NODES, About.TENANT_IDS, About.KBS, About.COLLECTIONS)


@dataclass(frozen=True, slots=True)
class _Name:
    """A name as it is stored, what it is, and whose."""

    what: About
    name: str
    tenants: tuple[TenantKey, ...]


def _names(seen: Seen) -> Iterator[_Name]:
    """Yield every node_id, kb_id, collection and, in the guide layout, tenant's id."""
    owned = seen.ownership
    for node in owned.nodes:
        yield _Name(About.NODES, node, owned.node(node).tenants)
    for part in seen.snapshot.parts:
        if part.is_kb:
            yield _Name(About.KBS, part.name, owned.kb(part.name).tenants)
        elif part.is_guides:
            yield _Name(About.TENANT_IDS, part.name.removeprefix("tenant:"), part.claim.tenants)
    for collection in seen.snapshot.collections:
        tenants = owned.jointly(owners_of_collection(collection.names)).tenants
        for name in collection.names:
            yield _Name(About.COLLECTIONS, name, tenants)


def breaks_out(name: str) -> set[str]:
    """Return what in a name would end a quoted text or make it another, in words."""
    return {_in_words(sign) for sign in _BREAKS_OUT.findall(name)}


def _in_words(sign: str) -> str:
    if unicodedata.category(sign) == "Cs":
        return "bytes that are not UTF-8"
    return sign if sign.isprintable() else f"control character {ord(sign):#04x}"


def acts_as_glob(name: str) -> set[str]:
    """Return the signs in a name that a glob or LIKE takes for any text; `_` is in nearly all."""
    return set(_WILDCARD.findall(name))


@dataclass(slots=True)
class _Group:
    """The names of one owner (or of nobody) that are hostile, by what they are, and the signs."""

    names: dict[About, set[str]] = field(default_factory=dict)
    signs: set[str] = field(default_factory=set)

    def add(self, name: _Name, signs: Iterable[str]) -> None:
        self.names.setdefault(name.what, set()).add(name.name)
        self.signs.update(signs)

    def first(self) -> str:
        """The plainest example: a node_id where one was seen."""
        what = next(what for what in _PLAINEST if what in self.names)
        return in_order(self.names[what])[0]


def _by_owner(
    seen: Seen, signs_of: Callable[[str], Collection[str]], names: Iterable[_Name] | None = None
) -> dict[tuple[TenantKey, ...], _Group]:
    wholly_read(seen)
    groups: dict[tuple[TenantKey, ...], _Group] = {}
    for name in _names(seen) if names is None else names:
        signs = signs_of(name.name)
        if signs:
            groups.setdefault(name.tenants, _Group()).add(name, signs)
    return dict(sorted(groups.items()))


def _katos(seen: Seen) -> Iterator[_Name]:
    """Yield what KATO works with: node_ids and the kb_ids that it makes of them."""
    return (name for name in _names(seen) if name.what in (About.NODES, About.KBS))


def _unescaped(seen: Seen) -> Iterator[Finding]:
    for tenants, group in _by_owner(seen, unescaped, _katos(seen)).items():
        says = f"has {_signs(group)}, which KATO does not escape everywhere"
        yield _finding(_UNBORNE, Severity.HIGH, tenants, group, says)


def _tests(seen: Seen) -> Iterator[Finding]:
    def begins(name: str) -> Collection[str]:
        kb_id = seen.ownership.kb_id_of(name)  # of a kb_id: it begins as that does
        return (TEST_PREFIX,) if is_test(kb_id) else ()

    for tenants, group in _by_owner(seen, begins, _katos(seen)).items():
        says = f"begins with {TEST_PREFIX} for KATO, which deletes what such a node learnt"
        yield _finding(_TEST, Severity.HIGH, tenants, group, says)


def _quoted(seen: Seen) -> Iterator[Finding]:
    for tenants, group in _by_owner(seen, breaks_out).items():
        says = f"has {_signs(group)}, which would break out of a quoted text"
        yield _finding(_QUOTED, Severity.MEDIUM, tenants, group, says)


def _glob(seen: Seen) -> Iterator[Finding]:
    for tenants, group in _by_owner(seen, acts_as_glob).items():
        says = f"has {_signs(group)}, which a glob or a LIKE takes for other texts"
        yield _finding(_GLOB, Severity.LOW, tenants, group, says)


def _signs(group: _Group) -> str:
    return " ".join(in_order(group.signs))


def _finding(
    code: str, severity: Severity, tenants: tuple[TenantKey, ...], group: _Group, says: str
) -> Finding:
    every = sum(map(len, group.names.values()))
    verb = "has" if every == 2 else "have"  # noqa: PLR2004
    more = f", and so {verb} {every - 1:,} more of the names" if every > 1 else ""
    of = f"of {listed(tenants)}" if tenants else "that is unowned"
    evidence: Evidence = {
        "signs": these(in_order(group.signs)),
        "number of names": these(every),
        **{what.value: Fact(samples(names), what) for what, names in group.names.items()},
    }
    return Finding(
        code, ", ".join(map(str, tenants)) or "qdrant", severity,
        f"{group.first()} {of} {says}{more}.",
        tenants, samples(group.names.get(About.KBS, ())), evidence,
        deeds=tuple(Deed(DeedKind.TENANT, str(tenant)) for tenant in tenants[:SAMPLES]),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(
        _UNBORNE, Severity.HIGH, "Ids that KATO does not bear",
        "KATO's naming rule lets these signs through and does not escape them everywhere: such a "
        "node learns nothing, makes its worker slow for everyone, and can reach other tenants.",
        "Give it a node_id without these signs, teach it anew under that, and purge the old one. "
        "Have whatever hands out ids refuse them.",
        frozenset(), _unescaped, ShownTo.TENANTS,
    ),
    Rule(
        _TEST, Severity.HIGH, "Ids that KATO takes for its own tests'",
        "When KATO has too many processors in memory, it evicts one, and deletes all that was "
        "learnt under a name that begins with test_.",
        "Give it a node_id that begins otherwise, and teach it anew under that.",
        frozenset(), _tests, ShownTo.TENANTS,
    ),
    Rule(
        _QUOTED, Severity.MEDIUM, "Ids that break out of a quoted text",
        "A tool that puts such an id into a query between quotes, as KATO's isolation guide does, "
        "runs part of it as a command.",
        "Bind ids as parameters in every script. Have whatever hands out ids refuse these signs.",
        frozenset(), _quoted, ShownTo.TENANTS,
    ),
    Rule(
        _GLOB, Severity.LOW, "Ids that act as a glob or LIKE",
        "A tool that searches or deletes by such an id also hits names that it does not mean, or "
        "misses the id's own.",
        "Use exact names, or escape the id in every MATCH and LIKE. Have whatever hands out ids "
        "refuse these signs.",
        frozenset(), _glob, ShownTo.TENANTS,
    ),
)  # fmt: skip
