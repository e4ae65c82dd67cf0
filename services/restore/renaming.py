"""Under which names a tenant comes back, and what else changes with them. Pure.

A new name is given to all of one tenant: its node_ids by their naming scheme, the kb_ids that KATO
makes of these, its raw id in the guide layout. What follows from them (keys, sessions,
collections, payloads) is renamed alike. No two names become one, and what cannot be read is said.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from services.archive.formats import TypedKey
from services.errors import NamingError
from services.tenancy.kb_ids import TenantKey, kb_id_of, node_text_of, sanitise
from services.tenancy.layout import (
    NODE_PREFIX,
    NODE_SUFFIX,
    OwnerKind,
    bytes_of,
    read_collection,
    read_key,
    text_of,
)
from services.tenancy.schemes import NamingScheme, NamingSchemes

_NODE_IN_JSON = re.compile(r'("node_id"\s*:\s*)("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True, slots=True)
class Renaming:
    """Each old name with its new one, of each kind; without any all stays as it is.

    `unread` are kb_ids and node_ids that cannot be told in another name: their text was cut, no
    naming scheme reads it, or the new name could not be read back.
    """

    service: str = "kato"
    nodes: Mapping[str, str] = field(default_factory=dict)
    kb_ids: Mapping[str, str] = field(default_factory=dict)
    tenants: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    @property
    def renames(self) -> bool:
        """Whether anything is to have another name."""
        return any(
            old != new
            for names in (self.nodes, self.kb_ids, self.tenants)
            for old, new in names.items()
        )

    @property
    def clashes(self) -> tuple[str, ...]:
        """New names that two old ones of a kind would both have."""
        return tuple(sorted({
            new for names in (self.nodes, self.kb_ids, self.tenants) for new in _twice(names)
        }))  # fmt: skip

    def of(self, kind: OwnerKind) -> Mapping[str, str]:
        """Return the names of a kind of owner."""
        kinds = {OwnerKind.KB: self.kb_ids, OwnerKind.NODE: self.nodes}
        return kinds.get(kind, self.tenants)

    def key(self, each: TypedKey) -> TypedKey:
        """Return a key under its new name; of a session, with its new node_id."""
        value = each.value
        if each.type == "string" and b":session:" in each.key and not each.continues:
            value = self.session(value)
        return each._replace(key=self.name(each.key), value=value)

    def name(self, key: bytes) -> bytes:
        """Return the new name of a key; nothing but whose it is changes."""
        owner = read_key(key, self.service).owner
        new = self.of(owner.kind).get(owner.name)
        if owner.kind is OwnerKind.NONE or new is None:
            return self._of_kb(key)
        if owner.kind is OwnerKind.NODE:
            return NODE_PREFIX + bytes_of(new) + NODE_SUFFIX
        before = b"tenant:" if owner.kind is OwnerKind.TENANT else b""
        return before + bytes_of(new) + key[len(before) + len(bytes_of(owner.name)) :]

    def _of_kb(self, key: bytes) -> bytes:
        """Return the new name of a key that does not look like a kb_id's, where it is one's."""
        head, colon, rest = key.partition(b":")
        new = self.kb_ids.get(text_of(head)) if colon else None
        return key if new is None else bytes_of(new) + colon + rest

    def session(self, value: str) -> str:
        """Return a session's record with its node_id renamed, and every other byte as it is."""

        def renamed(found: re.Match[str]) -> str:
            node = json.loads(found[2])
            new = self.nodes.get(node, node)
            return found[0] if new == node else found[1] + json.dumps(new)

        return _NODE_IN_JSON.sub(renamed, value)

    def collection(self, name: str, asked_as: str) -> str:
        """Return the new name of a collection that KATO asks for by `asked_as`, maybe an alias."""
        owner = read_collection(asked_as).owner
        new = self.of(owner.kind).get(owner.name)
        if owner.kind is OwnerKind.NONE or new is None or new == owner.name:
            return name
        return asked_as.removesuffix(owner.name) + new

    def point(self, each: Mapping[str, Any], *, shared: bool) -> Mapping[str, Any]:
        """Return a point with its payload's `tenant_id` renamed.

        In a collection that tenants share, where the old tenant's may still be, its id is another
        too, made of the old one.
        """
        payload = self._payload(each.get("payload") or {})
        if payload == (each.get("payload") or {}):
            return each
        found = {**each, "payload": payload}
        if shared:
            names = " ".join(sorted(self.tenants.values()))
            found["id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{names} {each['id']}"))
        return found

    def _payload(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return a payload with its `tenant_id` renamed, and that of its `metadata`."""
        found = dict(payload)
        old = payload.get("tenant_id")
        if isinstance(old, str):
            found["tenant_id"] = self.tenants.get(old, old)
        inside = payload.get("metadata")
        if isinstance(inside, Mapping):
            found["metadata"] = self._payload(inside)
        return found


def unchanged(
    nodes: Collection[str], kb_ids: Collection[str], tenants: Collection[str], service: str
) -> Renaming:
    """Return what leaves every name as it is."""
    same_nodes, same_kbs, same_tenants = (
        {name: name for name in of} for of in (nodes, kb_ids, tenants)
    )
    return Renaming(service, same_nodes, same_kbs, same_tenants)


def renaming_of(
    old: TenantKey,
    new: TenantKey,
    *,
    nodes: Collection[str],
    kb_ids: Collection[str],
    tenants: Collection[str],
    schemes: NamingSchemes,
    service: str = "kato",
) -> Renaming:
    """Work out the names of a tenant's data under another name, also of another scheme.

    Raises NamingError where no naming scheme makes the new tenant's names.
    """
    if old.kind == "kb" or new.kind == "kb":
        same = unchanged(nodes, kb_ids, tenants, service)
        return _of_kb(old, new, same)
    work = _Work(old, new, schemes, service)
    by_node = {node: work.node(node) for node in sorted(nodes)}
    named = {node: made for node, made in by_node.items() if made is not None}
    by_kb = {kb_id_of(node, service): kb_id_of(made, service) for node, made in named.items()}
    by_kb |= named  # a deployment whose kb_ids are node_ids as they are
    kbs = {kb_id: by_kb.get(kb_id) or work.kb_id(kb_id) for kb_id in sorted(kb_ids)}
    unread = [name for name, made in (*by_node.items(), *kbs.items()) if made is None]
    return Renaming(
        service, named, {kb_id: made for kb_id, made in kbs.items() if made is not None},
        {name: new.id if name == old.id else name for name in tenants}, tuple(unread),
    )  # fmt: skip


def _of_kb(old: TenantKey, new: TenantKey, same: Renaming) -> Renaming:
    """Rename a kb_id that no scheme reads into another: the name itself is all that there is."""
    if old.kind != new.kind:
        raise NamingError("what no scheme reads (kb/…) takes another name of that kind alone")
    names = {kb_id: new.id if kb_id == old.id else kb_id for kb_id in same.kb_ids}
    return replace(same, kb_ids=names, unread=tuple(same.nodes))


@dataclass(frozen=True, slots=True)
class _Work:
    old: TenantKey
    new: TenantKey
    schemes: NamingSchemes
    service: str

    def node(self, node_id: str) -> str | None:
        """Return a node_id under the new name; None where it cannot be read, or read back."""
        reading = self.schemes.read(node_id)
        if reading is None or reading.tenant != self.old:
            return None
        return self._made(reading.scheme, reading.values)

    def kb_id(self, kb_id: str) -> str | None:
        """Return a kb_id, of which no node_id is known, under the new name."""
        text, cut = node_text_of(kb_id, self.service)
        reading = None if cut else self.schemes.read_sanitised(text)
        if reading is None or reading.others or reading.tenant.kind != self.old.kind:
            return None
        if sanitise(reading.tenant.id) != sanitise(self.old.id):
            return None
        made = self._made(reading.scheme, reading.values)
        if made is None:
            return None
        return kb_id_of(made, self.service) if text != kb_id else sanitise(made)

    def _made(self, scheme: NamingScheme, values: Mapping[str, str]) -> str | None:
        others = {name: value for name, value in values.items() if name != scheme.kind}
        for into in self._into(scheme, frozenset(others)):
            try:
                made = into.make(**others, **{into.kind: self.new.id})
            except NamingError:
                continue
            reading = self.schemes.read(made)
            if reading is not None and reading.tenant == self.new:
                return made
        return None

    def _into(self, scheme: NamingScheme, others: frozenset[str]) -> Iterator[NamingScheme]:
        """Yield the schemes that may name the new tenant with the same other fields."""
        if scheme.kind == self.new.kind:
            yield scheme
        for each in self.schemes.by_weight:
            if each.kind == self.new.kind and frozenset(each.fields) - {each.kind} == others:
                yield each


def _twice(names: Mapping[str, str]) -> Iterator[str]:
    seen = set[str]()
    for new in names.values():
        if new in seen:
            yield new
        seen.add(new)
