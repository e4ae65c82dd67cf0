"""Whose a kb_id, Redis key, Qdrant collection or session is, and how that is known. Pure.

Two steps: `layout` says what a name *is* (without knowing who exists); an `Ownership`, built from
the node_ids that were ever seen, says *whose* that is. No decision here rests on a prefix match.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache

from services.tenancy.claims import Claim, ClaimState, confirmed_by, unproven
from services.tenancy.kb_ids import TenantKey, kb_id_of, node_text_of, sanitise, service_suffix
from services.tenancy.layout import Owner, OwnerKind, bytes_of
from services.tenancy.names import Confirmation, Origin
from services.tenancy.schemes import NamingSchemes, Reading

__all__ = ["Claim", "ClaimState", "Ownership"]


_NOBODYS = Claim(ClaimState.UNATTRIBUTED, (), "nothing in its name says whose it is")


class Ownership:
    """Answers whose something is, from the node_ids that were ever seen.

    Immutable: build another when new node_ids were seen. `nodes` may come with their origins,
    `confirmed` has what admins confirmed, by kb_id. `service` is the SERVICE_NAME of the KATO that
    all share; `services` are those of instances over the same stores that serve, or served, single
    tenants: the one under which a tenant's is written now comes first, and is empty where that is
    `service` again.
    """

    def __init__(
        self, nodes: Iterable[str] | Mapping[str, Origin], *, schemes: NamingSchemes,
        service: str = "kato", confirmed: Mapping[str, Confirmation] | None = None,
        services: Mapping[TenantKey, tuple[str, ...]] | None = None,
    ) -> None:  # fmt: skip
        self.schemes = schemes
        self.service = service
        self.services: Mapping[TenantKey, tuple[str, ...]] = services or {}
        self.nodes = frozenset(nodes)
        self.origins: Mapping[str, Origin] = nodes if isinstance(nodes, Mapping) else {}
        self.confirmed: Mapping[str, Confirmation] = confirmed or {}
        self._claim_of_kb = lru_cache(maxsize=200_000)(self._work_out_kb)
        self._claim_of_node = lru_cache(maxsize=200_000)(self._work_out_node)
        self._claim_of_readings = lru_cache(maxsize=200_000)(self._choose)

    @cached_property
    def nodes_by_kb(self) -> dict[str, tuple[str, ...]]:
        """Every kb_id that a seen node_id falls on, with those node_ids."""
        found: dict[str, list[str]] = defaultdict(list)
        for node in sorted(self.nodes, key=bytes_of):
            for kb_id in self.kb_ids_of(node):
                found[kb_id].append(node)
        return {kb_id: tuple(nodes) for kb_id, nodes in found.items()}

    def kb_ids_of(self, node_id: str) -> tuple[str, ...]:
        """Return every kb_id that KATOs over these stores make of a node_id.

        The first is the one under which it is written now.
        """
        if not self.services:
            return (kb_id_of(node_id, self.service),)
        names = (*self.services.get(self.tenant_of(node_id), ()), self.service)
        known = dict.fromkeys(name or self.service for name in names)
        return tuple(kb_id_of(node_id, name) for name in known)

    def kb_id_of(self, node_id: str) -> str:
        """Return the kb_id under which what this node_id writes now is kept."""
        return self.kb_ids_of(node_id)[0]

    @cached_property
    def suffixes(self) -> tuple[str, ...]:
        """The endings of the kb_ids of every KATO over these stores, the longest first."""
        others = (name for names in self.services.values() for name in names)
        endings = {service_suffix(name) for name in (self.service, *others) if name}
        return tuple(sorted(endings, key=lambda ending: (-len(ending), ending)))

    @property
    def service_names(self) -> tuple[str, ...]:
        """The SERVICE_NAME of every KATO over these stores, as kb_ids have it."""
        return tuple(ending[1:] for ending in self.suffixes)

    def text_of(self, kb_id: str) -> tuple[str, bool]:
        """Return what a kb_id keeps of its node_id, and whether it was cut."""
        if not self.services:
            return node_text_of(kb_id, self.service)
        ending = next((each for each in self.suffixes if kb_id.endswith(each)), None)
        return node_text_of(kb_id, self.service if ending is None else ending[1:])

    @cached_property
    def tenants(self) -> frozenset[TenantKey]:
        """Every tenant of which a node_id was seen."""
        return frozenset(self.tenant_of(node) for node in self.nodes)

    @cached_property
    def confirmed_tenants(self) -> frozenset[TenantKey]:
        """Every tenant that an admin confirmed to hold something."""
        return frozenset(word.tenant for word in self.confirmed.values())

    @cached_property
    def _by_sanitised(self) -> dict[tuple[str, str], tuple[TenantKey, ...]]:
        found: dict[tuple[str, str], list[TenantKey]] = defaultdict(list)
        for tenant in sorted(self.tenants | self.confirmed_tenants, key=str):
            found[tenant.kind, sanitise(tenant.id)].append(tenant)
        return {key: tuple(tenants) for key, tenants in found.items()}

    def read_node(self, node_id: str) -> Reading | None:
        """Read a node_id by the naming schemes."""
        return self.schemes.read(node_id)

    def tenant_of(self, node_id: str) -> TenantKey:
        """Return the tenant of a node_id; one that no scheme reads stands for its kb_id."""
        reading = self.read_node(node_id)
        return reading.tenant if reading else TenantKey.of_kb(kb_id_of(node_id, self.service))

    def is_kb(self, name: str) -> bool:
        """Whether a name that only looks like a kb_id is one: a scheme reads it."""
        return name in self.nodes_by_kb or self.schemes.read_sanitised(name) is not None

    def node(self, node_id: str) -> Claim:
        """Whose the data is that names this node_id itself, as a session does."""
        return self._claim_of_node(node_id)

    def _work_out_node(self, node_id: str) -> Claim:
        reading, origin = self.read_node(node_id), self.origins.get(node_id)
        if reading is None:
            why = "its node_id was seen, and no naming scheme reads it"
            return Claim(ClaimState.KNOWN, (self.tenant_of(node_id),), why, origin=origin)
        why = f"its node_id was seen: {node_id}"
        return Claim(ClaimState.KNOWN, (reading.tenant,), why, reading.others, origin=origin)

    def kb(self, kb_id: str) -> Claim:
        """Whose the data under a kb_id is."""
        return self._claim_of_kb(kb_id)

    def owner(self, owner: Owner) -> Claim:
        """Whose something is, by the owning part of its name."""
        kind, name = owner
        if kind is OwnerKind.KB:  # nearly all
            return self.kb(name)
        match kind:
            case OwnerKind.NODE:
                return self.node(name)
            case OwnerKind.TENANT:
                return self.named(name)
            case _:
                return _NOBODYS

    def jointly(self, owners: Iterable[Owner]) -> Claim:
        """Whose something is that stands under names of these owners, as a collection may."""
        claims = [self.owner(owner) for owner in owners]
        if len(claims) < 2:  # noqa: PLR2004 - several
            return claims[0] if claims else _NOBODYS
        tenants = tuple(dict.fromkeys(t for claim in claims for t in claim.tenants))
        others = tuple(dict.fromkeys(t for claim in claims for t in claim.others))
        alike = any(claim.alike for claim in claims)
        if len(tenants) > 1:
            why = "it stands under names of several owners, and nothing tells their data apart"
            return Claim(ClaimState.SHARED, tenants, why, others, alike)
        state = max((claim.state for claim in claims), key=lambda state: state.doubt)
        why = "it stands under names of several owners, all of one tenant"
        return Claim(state, tenants, why, others, alike)

    def named(self, tenant_id: str) -> Claim:
        """Whose data is that carries a tenant's raw id, as the guide layouts do."""
        tenant = TenantKey("tenant", tenant_id)
        if tenant in self.tenants:
            return Claim(ClaimState.KNOWN, (tenant,), "it carries the id of a tenant that was seen")
        if tenant in self.confirmed_tenants:
            why = "it carries the id of a tenant that an admin confirmed"
            return Claim(ClaimState.CONFIRMED, (tenant,), why)
        why = "it carries this id; no node_id of that tenant was seen"
        return Claim(ClaimState.INFERRED, (tenant,), why)

    def _work_out_kb(self, kb_id: str) -> Claim:
        nodes, word = self.nodes_by_kb.get(kb_id), self.confirmed.get(kb_id)
        claim = self._claim_by_nodes(kb_id, nodes) if nodes else self._claim_by_text(kb_id)
        if word is None:
            return claim
        return confirmed_by(claim, word, seen=frozenset(map(self.tenant_of, nodes or ())))

    def fitting(self, kb_id: str) -> tuple[TenantKey, ...]:
        """Return every known tenant that the text of a kb_id can name: each could have written it.

        Known are those of whom a node_id was seen or imported, or to whom an admin gave something.
        """
        text, cut = self.text_of(kb_id)
        readings = self._cut_readings(text) if cut else self._readings(text)
        return tuple(dict.fromkeys(known for each in readings for known in self._known_as(each)))

    def _claim_by_nodes(self, kb_id: str, nodes: tuple[str, ...]) -> Claim:
        claims = [self.node(node) for node in nodes]
        tenants = tuple(dict.fromkeys(tenant for claim in claims for tenant in claim.tenants))
        others = tuple(dict.fromkeys(tenant for claim in claims for tenant in claim.others))
        origin = min((claim.origin for claim in claims if claim.origin), default=None)
        if len(tenants) == 1:
            known = Claim(ClaimState.KNOWN, tenants, claims[0].why, others, origin=origin)
            if origin is None or not origin.source.is_late:
                return known
            return unproven(known, self._claim_by_text(kb_id), self.fitting(kb_id))
        why = "node_ids of several tenants were seen, and KATO gives them one kb_id"
        return Claim(ClaimState.SHARED, tenants, why, others, origin=origin)

    def _claim_by_text(self, kb_id: str) -> Claim:
        text, cut = self.text_of(kb_id)
        if not cut and sanitise(text) != text and (raw := self.schemes.read(text)):
            return self._claim_verbatim(raw)
        readings = self._cut_readings(text) if cut else self._readings(text)
        if not readings:
            why = "its name is cut before the tenant ends" if cut else "no naming scheme reads it"
            why += "; it stands for itself"
            return Claim(ClaimState.INFERRED, (TenantKey.of_kb(kb_id),), why)
        return self._claim_of_readings(readings)

    def _claim_verbatim(self, reading: Reading) -> Claim:
        """The kb_id is a raw node_id, as in the guide layout: nothing was lost."""
        why = "the kb_id is the node_id itself, as it was written"
        return Claim(ClaimState.KNOWN, (reading.tenant,), why, reading.others)

    def _readings(self, text: str) -> tuple[TenantKey, ...]:
        """The tenants that the text can name, the most telling first.

        Less telling schemes count only where they name a tenant that is known.
        """
        named = self.schemes.tenants_named(text)
        best = next(named, ())
        if not self._by_sanitised:
            return best
        weaker = (tenant for tenants in named for tenant in tenants)
        known = tuple(tenant for tenant in weaker if self._known_as(tenant))
        return tuple(dict.fromkeys((*best, *known))) if known else best

    def _cut_readings(self, text: str) -> tuple[TenantKey, ...]:
        found = dict.fromkeys(
            TenantKey(scheme.kind, name)
            for scheme in self.schemes.by_weight
            for name in scheme.begins(text)
        )
        return tuple(found)

    def _known_as(self, tenant: TenantKey) -> tuple[TenantKey, ...]:
        known = self._by_sanitised
        return known.get((tenant.kind, sanitise(tenant.id)), ()) if known else ()

    def _named_by(self, reading: TenantKey) -> tuple[TenantKey, ...]:
        """Return whom a reading names: by its text, and of those known who read the same."""
        return tuple(dict.fromkeys((reading, *self._known_as(reading))))

    def _choose(self, readings: tuple[TenantKey, ...]) -> Claim:
        known = [tenant for tenant in readings if self._known_as(tenant)]
        chosen, others = known[0] if known else readings[0], tuple[TenantKey, ...]()
        if len(readings) > 1:
            unchosen = (tenant for tenant in readings if tenant != chosen)
            others = tuple(each for tenant in unchosen for each in self._named_by(tenant))
        holders, alike = self._known_as(chosen) or (chosen,), "_" in chosen.id
        if len(holders) > 1:
            why = "its name fits several tenants that were seen, and KATO does not tell them apart"
            return Claim(ClaimState.SHARED, holders, why, others, alike)
        why = f"guessed from the kb_id's name, which fits {'a' if known else 'no'} tenant seen"
        if others:
            why += "; the name can be read in another way too"
        return Claim(ClaimState.INFERRED, holders, why, others, alike)
