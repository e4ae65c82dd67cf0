"""What the name of a Redis key or a Qdrant collection says: its owner as written, its kind. Pure.

Every name gets an answer, whatever its bytes, and without knowing who exists.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from services.tenancy.kb_ids import service_suffix

PATTERN_KINDS = (
    "frequency", "emotives", "metadata", "entropy", "normalized_entropy",
    "global_normalized_entropy", "tf_vector",
)  # fmt: skip
"""The kinds of key that KATO 3.10.1 writes for each pattern, which they name."""

KB_KINDS = frozenset({
    *PATTERN_KINDS, "symbols", "symbol_to_patterns", "affinity", "global", "prediction",
})  # fmt: skip
"""The kinds of key that KATO 3.10.1 writes for a knowledge base, by the word after the kb_id."""

SESSION_PREFIX = b"kato:session:"
NODE_PREFIX = b"kato:session:node:"
NODE_SUFFIX = b":active"
INDEX_KEY = b"kato:session:_active_index"


def text_of(raw: bytes) -> str:
    """Decode a name so that every byte string has exactly one text, and the reverse."""
    return raw.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """Encode what `text_of` decoded, or any other text."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


class Layout(StrEnum):
    """After whose layout names are made: KATO's own, or that of its isolation guide."""

    KATO = "kato"  # {kb_id}:…, vectors_{kb_id}
    GUIDE = "guide"  # tenant:{tenant}:…, kato_tenant_{tenant}


class OwnerKind(StrEnum):
    """What the owning part of a name is."""

    __hash__ = str.__hash__  # Enum's own is not written in C

    KB = "kb"  # a kb_id
    TENANT = "tenant"  # a tenant's raw id, in the guide layout
    NODE = "node"  # a raw node_id
    NONE = "none"  # nothing that names an owner


class Owner(NamedTuple):
    """The part of a name that says whose it is, as it is written there.

    A tuple, since owners are looked up by the hundred thousand.
    """

    kind: OwnerKind
    name: str


NOBODY = Owner(OwnerKind.NONE, "")


@dataclass(frozen=True, slots=True)
class KeyName:
    """What a Redis key is: its owner as written, and its kind.

    `sure` is False where the owner is a kb_id only by the look of the word after it; then it
    counts as one only if that kb_id is known from elsewhere or a naming scheme reads it.
    """

    owner: Owner
    kind: str
    sure: bool = True


def read_key(key: bytes, service: str = "kato") -> KeyName:
    """Say what a Redis key is, in KATO's layout or the guide's. Total: any bytes will do."""
    head, colon, rest = key.partition(b":")
    if not colon:
        return KeyName(NOBODY, "unknown")
    special = _SPECIAL.get(head)
    if special is not None:
        return special(key, rest)
    word = text_of(rest.partition(b":")[0])
    kind = word if word in KB_KINDS else "other"
    if head.endswith(service_suffix(service).encode()):
        return KeyName(Owner(OwnerKind.KB, text_of(head)), kind)
    if kind != "other":
        return KeyName(Owner(OwnerKind.KB, text_of(head)), kind, sure=False)
    return KeyName(NOBODY, "unknown")


def _kato_key(key: bytes, rest: bytes) -> KeyName:
    if key == INDEX_KEY:
        return KeyName(NOBODY, "session_index")
    if key.startswith(NODE_PREFIX) and key.endswith(NODE_SUFFIX):
        node = key[len(NODE_PREFIX) : -len(NODE_SUFFIX)]
        return KeyName(Owner(OwnerKind.NODE, text_of(node)), "active_pointer")
    if rest.startswith(b"session:"):
        return KeyName(NOBODY, "session")
    return KeyName(NOBODY, "metrics" if rest.startswith(b"metrics") else "unknown")


def _stream_key(_: bytes, rest: bytes) -> KeyName:
    known = rest == b"global" or rest.startswith(b"events:")
    return KeyName(NOBODY, "stream" if known else "unknown")


def _cache_key(key: bytes, rest: bytes) -> KeyName:
    known = rest.startswith((b"top:", b"name:")) or key == b"symbols:probabilities"
    return KeyName(NOBODY, "cache" if known else "unknown")


def _guide_key(_: bytes, rest: bytes) -> KeyName:
    tenant, colon, name = rest.partition(b":")
    if not (tenant and colon):
        return KeyName(NOBODY, "unknown")
    kind = "session" if name.startswith(b"session:") else "namespaced"
    return KeyName(Owner(OwnerKind.TENANT, text_of(tenant)), kind)


_SPECIAL = {
    b"kato": _kato_key,
    b"stm": _stream_key,
    b"patterns": _cache_key,
    b"symbols": _cache_key,
    b"tenant": _guide_key,
}


@dataclass(frozen=True, slots=True)
class CollectionName:
    """What a Qdrant collection is: its owner as written, or shared by payload."""

    owner: Owner
    by_payload: bool = False


def read_collection(name: str, shared: frozenset[str] = frozenset()) -> CollectionName:
    """Say what a Qdrant collection is.

    `shared` names the collections whose points carry their owner in the payload `tenant_id`.
    """
    if name in shared:
        return CollectionName(NOBODY, by_payload=True)
    for prefix, kind in (("vectors_", OwnerKind.KB), ("kato_tenant_", OwnerKind.TENANT)):
        if name.startswith(prefix):
            return CollectionName(Owner(kind, name.removeprefix(prefix)))
    return CollectionName(NOBODY)


def owners_of_collection(
    names: Iterable[str], shared: frozenset[str] = frozenset()
) -> tuple[Owner, ...]:
    """Say whose a Qdrant collection is by all names that it is reached by: its own, and aliases.

    Each owner once, in the order of the names; none for one that is `shared` by payload under
    one of its names, or that is named after nobody.
    """
    found = [read_collection(name, shared) for name in names]
    if any(each.by_payload for each in found):
        return ()
    return tuple(dict.fromkeys(each.owner for each in found if each.owner != NOBODY))
