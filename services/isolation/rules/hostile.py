"""Rules: stored ids that a careless tool would run as part of its query. Pure.

This product binds every id as data and escapes every glob, so that none of these harms it. Other
tools, and KATO's isolation guide, put ids into quoted text and into globs as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from services.isolation.about import About, Evidence, Fact, ShownTo, these
from services.isolation.evidence import every_part, in_order, listed, samples, wholly_read
from services.isolation.models import SAMPLES, Deed, DeedKind, Finding, Rule, Seen
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import owners_of_collection

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
    """Yield every node_id, kb_id, collection and, in the guide's layout, tenant's id."""
    owned = seen.ownership
    for node in owned.nodes:
        yield _Name(About.NODES, node, owned.node(node).tenants)
    for part in every_part(seen):
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
    seen: Seen, signs_of: Callable[[str], set[str]]
) -> dict[tuple[TenantKey, ...], _Group]:
    wholly_read(seen)
    groups: dict[tuple[TenantKey, ...], _Group] = {}
    for name in _names(seen):
        signs = signs_of(name.name)
        if signs:
            groups.setdefault(name.tenants, _Group()).add(name, signs)
    return dict(sorted(groups.items()))


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
    more = f", and so have {every - 1:,} more of the names" if every > 1 else ""
    of = f"of {listed(tenants)}" if tenants else "that is nobody's"
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
