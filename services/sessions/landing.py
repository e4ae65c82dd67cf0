"""On whose memory a new session would land, and why it may not. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from services.tenancy.kb_ids import KB_ID_LIMIT, TenantKey, kb_id_of, node_text_of, sanitise
from services.tenancy.ownership import Claim, Ownership

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
class Landing:
    """Where a session with this node_id would read and write.

    `tenant` is who the node_id names. `others` are other tenants that hold the same kb_id:
    they and this session would share one memory. `refusal` says why no session may be created
    with it, `warning` what else there is to know; both are empty where there is nothing.
    `erased` is when the kb_id was purged: then a session has to be asked for once more.
    """

    node_id: str
    kb_id: str
    tenant: TenantKey
    claim: Claim
    others: tuple[TenantKey, ...]
    refusal: str = ""
    warning: str = ""
    erased: Erased | None = None


def land(node_id: str, ownership: Ownership) -> Landing:
    """Work out where a session with this node_id would land, and whether it may."""
    kb_id = kb_id_of(node_id, ownership.service)
    claim, tenant = ownership.kb(kb_id), ownership.tenant_of(node_id)
    holders = {ownership.tenant_of(node) for node in ownership.nodes_by_kb.get(kb_id, ())}
    others = tuple(sorted(holders - {tenant}, key=str))
    refusal = next(_refusals(node_id, kb_id, others, ownership), "")
    warning = _cut_warning(node_id, ownership.service)
    return Landing(node_id, kb_id, tenant, claim, others, refusal, warning)


def _refusals(
    node_id: str, kb_id: str, others: tuple[TenantKey, ...], ownership: Ownership
) -> Iterator[str]:
    if not node_id.strip():
        yield "the node_id is empty"
    if not node_id.isprintable():
        yield "the node_id holds control characters"
    if len(node_id) > NODE_ID_LIMIT:
        yield f"the node_id is longer than {NODE_ID_LIMIT} characters"
    if sanitise(node_id).startswith("test_"):
        yield f"KATO would call it {kb_id}, and names that begin with test_ are its own tests'"
    if others:
        names = ", ".join(map(str, others))
        yield (
            f"this kb_id is already used by {names}: both would read and write one memory, and "
            "nothing stored would tell whose is whose"
        )
    if not _legible(node_id, kb_id, ownership):
        yield (
            f"KATO keeps {KB_ID_LIMIT} characters, and would cut the name before the tenant ends: "
            "its stores would not say whose the data is"
        )


def _legible(node_id: str, kb_id: str, ownership: Ownership) -> bool:
    """Whether the kb_id names the whole tenant; so it is where no scheme reads the node_id."""
    text, cut = node_text_of(kb_id, ownership.service)
    reading = ownership.read_node(node_id)
    if not cut or reading is None or not _is_cut(node_id, ownership.service):
        return True
    return sanitise(reading.tenant.id) in reading.scheme.begins(text)


def _is_cut(node_id: str, service: str) -> bool:
    return not kb_id_of(node_id, service).startswith(sanitise(node_id))


def _cut_warning(node_id: str, service: str) -> str:
    if not _is_cut(node_id, service):
        return ""
    return (
        f"KATO keeps {KB_ID_LIMIT} characters of the name: the end of this one becomes 8 hex "
        "digits of its MD5, and can be read only as long as this product remembers the node_id"
    )
