"""Who is in the sample fleet: its tenants, their nodes, and what is odd about them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random

from services.tenancy.kb_ids import kb_id_of

_SKEW = 1.3  # how much less the next largest tenant has
_LEAST = 3  # patterns of the smallest
_VECTORS_MOST = 40
_PATTERNS_A_VECTOR = 25


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the fleet and what it left in the stores.

    `theme` chooses its tokens. `vectors` counts the vectors that its patterns name, `busy` the
    predictions a pattern. Where one of `rows`, `keys` and `collection` is False, that part is
    missing: an orphan. A `twin` shares another node's kb_id and left sessions only. `strays`
    counts frequency keys whose pattern is gone. `live` and `expired` count its sessions.
    """

    node_id: str
    kb_id: str
    theme: str
    patterns: int = 0
    vectors: int = 0
    busy: float = 0.3
    trained: bool = False
    rows: bool = True
    keys: bool = True
    collection: bool = True
    twin: bool = False
    strays: int = 0
    live: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class _Tenant:
    """A tenant by its place in size (1 is the largest), and its nodes, the busiest first."""

    place: int
    theme: str
    nodes: tuple[str, ...]
    sessions: bool = True


_NAMED = (
    _Tenant(2, "support", ("tenant:acme-corp:user:bob", "tenant:acme-corp:user:alice",
                           "tenant:acme-corp:user:night-shift")),
    _Tenant(13, "support", ("tenant:acme_corp:user:bob", "tenant:acme_corp:user:ines")),
    _Tenant(8, "support", ("tenant:acme:user:dana", "tenant:acme:user:bob",
                           "tenant:acme:user:corp")),
    _Tenant(1, "shop", ("tenant:globex:user:hank", "tenant:globex:user:storefront-eu",
                        "tenant:globex:user:storefront-us", "tenant:globex:user:alice",
                        "tenant:globex:user:import")),
    _Tenant(9, "ops", ("tenant-initech:user-7", "tenant-initech:user-8")),
    _Tenant(6, "ops", ("tenant_umbrella",)),
    _Tenant(4, "shop", ("tenant:hooli:user:gavin", "tenant:hooli:user:search-team",
                        "tenant:hooli:user:nucleus")),
    _Tenant(3, "support", ("org:bigco:dept:sales:user:alice", "org:bigco:dept:sales:user:erik",
                           "org:bigco:dept:engineering:user:charlie",
                           "org:bigco:dept:legal:user:priya")),
    _Tenant(16, "support", ("tenant:O'Brien & Söhne:user:jürgen",)),
    _Tenant(7, "shop", ("app:crm:ctx:lead:user:42", "app:crm:ctx:churn:user:42",
                        "app:crm:ctx:lead:user:108")),
    _Tenant(5, "ops", ("team:search:shared",)),
    _Tenant(10, "ops", ("team:growth:shared",)),
    _Tenant(11, "shop", ("tenant:stark-industries:user:pepper",
                         "tenant:stark-industries:user:warehouse")),
    _Tenant(12, "ops", ("tenant:wayne-enterprises:user:lucius",), sessions=False),
    _Tenant(14, "support", ("org:northwind:dept:support:user:maria",
                            "org:northwind:dept:support:user:tomás")),
    _Tenant(15, "shop", ("tenant-wonka:user-1", "tenant-wonka:user-2"), sessions=False),
    _Tenant(17, "ops", ("tenant_tyrell",)),
    _Tenant(18, "support", ("app:helpdesk:ctx:tier-2:user:sam",)),
    _Tenant(19, "shop", ("org:contoso:dept:retail:user:lee",), sessions=False),
    _Tenant(20, "ops", ("tenant:cyberdyne:user:miles",)),
    _Tenant(21, "shop", ("app:billing:ctx:invoices:user:batch",)),
    _Tenant(22, "support", ("tenant:international-business-machines-emea:user:desk-frankfurt",)),
    _Tenant(23, "support", ("user:zed",)),
    _Tenant(24, "ops", ("user:mira",), sessions=False),
)  # fmt: skip

_ADJECTIVES = ("amber", "brisk", "clear", "crimson", "golden", "granite", "lunar", "polar", "quiet",
               "royal", "silver", "solar", "tidal", "urban", "vivid", "western")  # fmt: skip
_NOUNS = ("bakery", "clinic", "dynamics", "energy", "foods", "freight", "labs", "logistics",
          "media", "motors", "outdoors", "robotics", "software", "textiles", "travel")  # fmt: skip
_USERS = ("anna", "ben", "chatbot", "dev", "emma", "front-desk", "import", "liam")
_THEMES = ("support", "shop", "ops")
_TEMPLATES = (
    "tenant:{name}:user:{user}",
    "tenant:{name}:user:{user}",
    "tenant-{name}:user-{user}",
    "org:{name}:dept:sales:user:{user}",
    "app:{name}:ctx:main:user:{user}",
    "team:{name}:shared",
    "tenant_{name}",
)


def nodes(*, seed: int, tenants: int, largest: int, service: str) -> Iterator[Node]:
    """Yield the nodes of the fleet, tenant by tenant, then those that are odd.

    `largest` is about the number of patterns of the largest tenant.
    """
    seen: set[str] = set()
    for place, tenant in enumerate(islice(_tenants(), tenants)):
        for node in _of_tenant(tenant, seed=seed, largest=largest, service=service):
            if node.kb_id in seen:
                yield Node(node.node_id, node.kb_id, node.theme, twin=True, live=1)
                continue
            yield node
            if place < len(_NAMED):  # those that are generated have numbers in their names
                seen.add(node.kb_id)
    yield from _odd(service)


def _tenants() -> Iterator[_Tenant]:
    yield from _NAMED
    number = len(_NAMED)
    while True:
        number += 1
        yield _generated(number)


def _generated(number: int) -> _Tenant:
    adjective, noun = _ADJECTIVES[number % 16], _NOUNS[number // 16 % 15]
    name = f"{adjective}-{noun}-{number}"
    template = _TEMPLATES[number % len(_TEMPLATES)]
    users = islice((*_USERS, *_USERS), number % 8, number % 8 + 1 + number % 3)
    made = dict.fromkeys(template.format(name=name, user=user) for user in users)
    return _Tenant(number, _THEMES[number % 3], tuple(made), sessions=number % 4 != 0)


def _of_tenant(tenant: _Tenant, *, seed: int, largest: int, service: str) -> Iterator[Node]:
    total = max(_LEAST, round(largest / tenant.place**_SKEW))
    whole = sum(1 / share for share in range(1, len(tenant.nodes) + 1))
    for share, node_id in enumerate(tenant.nodes, start=1):
        random = Random(f"{seed}/node/{node_id}")  # noqa: S311  a sample, not a secret
        patterns = max(2, round(total / share / whole))
        has_vectors = random.random() < 0.6  # noqa: PLR2004  as 12 of 20 in the recorded KATO
        yield Node(
            node_id,
            kb_id_of(node_id, service),
            tenant.theme,
            patterns=patterns,
            vectors=min(4 + patterns // _PATTERNS_A_VECTOR, _VECTORS_MOST) * has_vectors,
            busy=random.choice((0.1, 0.3, 0.6)),
            trained=random.random() < 0.3,  # noqa: PLR2004  few train often
            strays=3 if node_id == "tenant:acme:user:dana" else 0,
            live=random.randint(1, 4) if tenant.sessions else 0,
            expired=random.randint(0, 3),
        )


def _odd(service: str) -> Iterator[Node]:
    def odd(node_id: str, theme: str, **left: int | bool) -> Node:
        return Node(node_id, kb_id_of(node_id, service), theme, **left)  # type: ignore[arg-type]

    yield odd("tenant:initrode:user:milton", "ops", patterns=14, rows=False, expired=2)
    yield odd("tenant:vehement:user:russ", "shop", patterns=11, keys=False)
    yield odd("tenant:pied-piper:user:richard", "ops", vectors=9, rows=False, keys=False)
    yield odd("tenant:dunder-mifflin:user:dwight", "shop", patterns=26, vectors=7, collection=False,
              live=1)  # fmt: skip
    yield odd("smoke-test 3", "ops", patterns=4)
    yield odd("kiosk-lobby-2", "support", patterns=6, live=1)
    yield odd("tenant:sterling-cooper:user:peggy", "support", expired=4)
