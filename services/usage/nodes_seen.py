"""Which node_ids a collect saw, and what is amiss with those that KATO names. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from services.ask_stores import Pass
from services.errors import Problem, StoreUnavailable
from services.tenancy.kb_ids import kb_id_of
from services.tenancy.layout import OwnerKind
from services.tenancy.ownership import Ownership
from services.usage.groups import owners_of
from services.usage.readings import KeyReading, ProcessorReading


def nodes_in(kato: Pass[ProcessorReading], keys: KeyReading | None) -> Iterator[tuple[str, str]]:
    """Yield every node_id with where it was seen, the surest place last."""
    if kato.reading is not None:
        for processor in kato.reading.processors:
            yield processor.node_id, "kato"
    if keys is not None:
        for owner in owners_of(keys.groups):
            if owner.kind is OwnerKind.NODE:
                yield owner.name, "pointer"
        for session in keys.sessions or ():
            if session.owner.kind is OwnerKind.NODE:
                yield session.owner.name, "session"


def idle_kb_ids(kb_ids: frozenset[str], ownership: Ownership) -> frozenset[str]:
    """Return those of the kb_ids on which no node_id was seen so far."""
    return kb_ids - ownership.nodes_by_kb.keys()


def kato_problem(asked: Pass[ProcessorReading], service: str) -> Problem | None:
    """Say why KATO's node_ids are missing, or that it names its kb_ids in another way than we."""
    if asked.pending or asked.reason:
        return None if asked.pending else asked.reason
    reading = asked.reading or ProcessorReading()
    for processor in reading.processors:
        if kb_id_of(processor.node_id, service) != processor.kb_id:
            return Problem(
                f"KATO stores {processor.node_id} under {processor.kb_id}: check SERVICE_NAME"
            )
    return _silent(reading.unanswered) if reading.unanswered else None


def _silent(unanswered: int) -> Problem:
    """Say that a worker is silent while its siblings answer."""
    how_many = "1 connection" if unanswered == 1 else f"{unanswered} connections"
    why = f"{how_many} got no answer while others did: a worker hangs or is overloaded"
    return StoreUnavailable("kato", "reading its processors", why).problem
