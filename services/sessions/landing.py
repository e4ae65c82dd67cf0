"""On whose memory a new session would land, and why it may not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from services.cards.scope import Scope
from services.sessions.older import Older
from services.tenancy.alike import look_alikes
from services.tenancy.kb_ids import KB_ID_LIMIT, TenantKey, sanitise
from services.tenancy.ownership import Claim, Ownership
from services.tenancy.unborne import is_test, unescaped

NODE_ID_LIMIT = 512
"""Longest node_id that a session is created with, in characters.

KATO takes any length, and writes it into every record and log line of the session.
"""


@dataclass(frozen=True, slots=True)
class Erased:
    """When what lies on a kb_id was last erased by a purge, by whom, and for which ticket.

    `ticket` is empty where it may not be told.
    """

    at: datetime
    ticket: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A limit of `services.limits` that a tenant is over, or would be with one session more.

    `used` is None where it may not be told; `source` is what the limit is set for.
    """

    quantity: str
    used: int | None
    most: int
    source: Scope


@dataclass(frozen=True, slots=True)
class Served:
    """The KATO of its own at which a tenant's sessions are created: an instance's name and address.

    `elsewhere` is how the deployment of its own stores is called here, empty for these stores.
    """

    name: str
    url: str
    elsewhere: str = ""


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a session with this node_id would read and write.

    `tenant` is who the node_id names. `others` are other tenants that hold the same kb_id:
    they and this session would share one memory. `alike` are tenants that were seen and that
    people take this one for, which was not. `older` is what lies under the kb_id and is not proven
    to be the tenant's, since no node_id on it was seen so far: then it takes the operator's word.
    `refusal` says why no session may be created with it, `warning` what else there is to know;
    both are empty where there is nothing. `erased` is when the kb_id was purged: then a session
    has to be asked for once more. `exceeded` are the tenant's limits that stand against it.
    `parked` is since when the tenant is in an archive, out of which it has to be brought back;
    `moved` the name of the other deployment in which it is, and since when. `served` is the KATO at
    which the session is created, None for the one that all share.
    """

    node_id: str
    kb_id: str
    tenant: TenantKey
    claim: Claim
    others: tuple[TenantKey, ...]
    refusal: str = ""
    warning: str = ""
    alike: tuple[TenantKey, ...] = ()
    older: Older | None = None
    erased: Erased | None = None
    exceeded: tuple[Exceeded, ...] = ()
    parked: datetime | None = None
    moved: tuple[str, datetime] | None = None
    served: Served | None = None


def land(
    node_id: str, ownership: Ownership, stored: Callable[[str], Older | None] = lambda _: None
) -> Landing:
    """Work out where a session with this node_id would land, and whether it may.

    `stored` says what lies under a kb_id.
    """
    kb_id = ownership.kb_id_of(node_id)
    claim, tenant = ownership.kb(kb_id), ownership.tenant_of(node_id)
    holders = {ownership.tenant_of(node) for node in ownership.nodes_by_kb.get(kb_id, ())}
    if claim.confirmation is not None:
        holders.add(claim.confirmation.tenant)
    others = tuple(sorted(holders - {tenant}, key=str))
    older = None if holders else stored(kb_id)
    refusal = next(_refusals(node_id, kb_id, others, ownership), "")
    refusal = refusal or _older_refusal(kb_id, tenant, older, ownership)
    warning = _cut_warning(node_id, kb_id)
    known = ownership.tenants
    alike = () if tenant in known else look_alikes(tenant, known)
    return Landing(node_id, kb_id, tenant, claim, others, refusal, warning, alike, older)


def unfit(node_id: str, ownership: Ownership) -> str:
    """Say why no session may be created with a node_id, whoever else has it; empty where one may.

    It names nobody.
    """
    return next(_refusals(node_id, ownership.kb_id_of(node_id), (), ownership), "")


def _refusals(
    node_id: str, kb_id: str, others: tuple[TenantKey, ...], ownership: Ownership
) -> Iterator[str]:
    if not node_id.strip():
        yield "the node_id is empty"
    if not node_id.isprintable():
        yield "the node_id holds control characters"
    if len(node_id) > NODE_ID_LIMIT:
        yield f"the node_id is longer than {NODE_ID_LIMIT} characters"
    if is_test(kb_id):
        yield (
            f"KATO would call it {kb_id}, and names that begin with test_ are its own tests': it "
            "deletes what they learnt as soon as it needs the memory"
        )
    signs = unescaped(node_id)
    if signs:
        yield (
            f"KATO does not bear {' '.join(sorted(signs))} in a name: such a node learns nothing, "
            "makes KATO slow for everyone, and can reach what is another tenant's"
        )
    if others:
        names = ", ".join(map(str, others))
        yield (
            f"this kb_id is already used by {names}: both would share one memory, and "
            "nothing stored would tell their data apart"
        )
    if not _legible(node_id, kb_id, ownership):
        yield (
            f"KATO keeps {KB_ID_LIMIT} characters, and would cut the name before the tenant ends: "
            "its stores would not say whose the data is"
        )


def _older_refusal(kb_id: str, tenant: TenantKey, older: Older | None, ownership: Ownership) -> str:
    """Say who else could have written what lies there, of those who are known."""
    could = sorted(set(ownership.fitting(kb_id)) - {tenant}, key=str)
    if older is None or not older.counts or not could:
        return ""
    return (
        f"data lies under this kb_id from before any node_id on it was seen, and "
        f"{', '.join(map(str, could))} could have written it"
    )


def _legible(node_id: str, kb_id: str, ownership: Ownership) -> bool:
    """Whether the kb_id names the whole tenant; so it is where no scheme reads the node_id."""
    text, cut = ownership.text_of(kb_id)
    reading = ownership.read_node(node_id)
    if not cut or reading is None or not _is_cut(node_id, kb_id):
        return True
    return sanitise(reading.tenant.id) in reading.scheme.begins(text)


def _is_cut(node_id: str, kb_id: str) -> bool:
    return not kb_id.startswith(sanitise(node_id))


def _cut_warning(node_id: str, kb_id: str) -> str:
    if not _is_cut(node_id, kb_id):
        return ""
    return (
        f"KATO keeps {KB_ID_LIMIT} characters of the name: the end of this one becomes 8 hex "
        "digits of its MD5, and can be read only as long as this product remembers the node_id"
    )
