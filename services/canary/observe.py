"""What is seen of how KATO itself behaves, with the throwaway tenants' own sessions and data."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from services.browse.models import PatternQuery
from services.canary.ask import found_in
from services.canary.models import Canary, Observation
from services.canary.tools import OwnSessionCalls, UseCases
from services.errors import KatoTenantsError, NamingError, StoreNotConfigured, StoreUnavailable
from services.sessions.care import SessionCare
from services.sessions.models import KATO_PREFIX, SessionDetail, is_katos
from services.tenancy.ownership import Ownership
from services.usage.readings import CreatedSession
from services.usage.snapshot import Snapshot

_FOR_A_WHILE = 1.5  # seconds that a TTL has to have run down before an extension shows

METADATA = "metadata of a new session"
LOOKING = "looking at a session"
COUNTING = "how many sessions there are"
REFUSAL = "a node_id that falls on another's kb_id, here"
COLLISION = "a node_id that falls on another's kb_id, in KATO"


def observed(about: str, look: Callable[[], Observation]) -> Observation:
    """Look; where that was not possible, say so instead."""
    try:
        return look()
    except KatoTenantsError as exc:
        return Observation(about, f"It could not be looked at: {exc}", known=False)


def metadata_kept(canary: Canary, created: CreatedSession | None, care: SessionCare) -> Observation:
    """Say what KATO kept of the metadata that a session was created with."""
    detail = _detail(created, care)
    nested = bool(found_in(detail.config, [canary.token]))
    top = bool(found_in(detail.metadata, [canary.token]))
    seen = (
        f"KATO took a session with config.metadata and {'kept' if nested else 'dropped'} it: it "
        f"is {'' if nested else 'not '}in the session's record. Metadata at the top of the "
        f"request was {'kept' if top else 'dropped'}."
    )
    evidence = {"config.metadata kept": _yes(nested), "metadata kept": _yes(top)}
    return Observation(METADATA, seen, evidence)


def looking_extends(
    created: CreatedSession | None, care: SessionCare, own: OwnSessionCalls, since: float
) -> Observation:
    """Read the test's own session once through KATO, and compare its TTL before and after.

    `since` is when it was created, by the monotonic clock.
    """
    time.sleep(max(0.0, _FOR_A_WHILE - (time.monotonic() - since)))
    before = _detail(created, care).record.expires_in
    if own is None or created is None:
        raise StoreNotConfigured("kato", "reading its own session", "set KATO_API_URL")
    own.read(created.session_id)
    after = _detail(created, care).record.expires_in
    evidence = {"TTL before": _seconds(before), "TTL after": _seconds(after)}
    if before is None or after is None:
        return Observation(LOOKING, "The session has no TTL: it never expires.", evidence)
    extended = after > before
    said = "extended its TTL: merely looking keeps it alive" if extended else "left its TTL alone"
    return Observation(LOOKING, f"One GET of a session through KATO {said}.", evidence)


def counted(snapshot: Snapshot, own: OwnSessionCalls) -> Observation:
    """Compare KATO's own count of sessions with the records that are in Redis."""
    said, sessions, keys = own.count(), snapshot.sessions, snapshot.keys
    if sessions is None:
        raise StoreUnavailable("redis", "counting sessions", "the sessions are not known")
    real = sum(map(is_katos, sessions))
    evidence = {"KATO counts": f"{said:,}", "records in Redis": f"{real:,}"}
    if keys is not None and keys.stale_members is not None:
        evidence["ids in KATO's index without a session"] = f"{keys.stale_members:,}"
    how = "the same" if said == real else "more" if said > real else "fewer"
    text = f"KATO counts {said:,} active sessions, and {real:,} are in Redis: {how}."
    return Observation(COUNTING, text, evidence)


def refusal(canary: Canary, create: Callable[[], object]) -> tuple[Observation, bool]:
    """Ask this product for a session that would land on another's memory; whether it refused."""
    evidence = {"node_id": canary.node_id, "kb_id": canary.kb_id}
    try:
        create()
    except NamingError as exc:
        seen = "This product refused to create the session."
        return Observation(REFUSAL, seen, {**evidence, "reason": str(exc)}), True
    return Observation(REFUSAL, "This product created the session.", evidence), False


def collision(
    cases: UseCases, snapshot: Snapshot, ownership: Ownership, first: Canary, third: Canary,
    *, took: bool | None,
) -> Observation:  # fmt: skip
    """Show what two tenants of one kb_id read of each other.

    `took` says whether KATO took a session of the second, None where there is no KATO to ask.
    """
    read = {
        reader: _read(cases, snapshot, reader, writer)
        for reader, writer in ((third, first), (first, third))
    }
    evidence = _evidence(read, first, third, ownership, took=took)
    both = " and ".join(each.node_id for each in (first, third))
    if all(read.values()):
        end = "each was given what is stored for the other"
    elif any(read.values()):
        end = "one of them was given what is stored for the other"
    else:
        end = "neither was given what is stored for the other"
    text = (
        f"{both} are two tenants, and KATO's rule stores both under {first.kb_id}. Patterns were "
        f"written there for each, and read in the name of each: {end}. Nothing stored tells "
        "their data apart. KATO's own calls for patterns were not asked: they change its memory."
    )
    return Observation(COLLISION, text, evidence)


def _evidence(
    read: Mapping[Canary, tuple[str, ...]], first: Canary, third: Canary, ownership: Ownership,
    *, took: bool | None,
) -> dict[str, str]:  # fmt: skip
    sessions = {True: "KATO took it", False: "KATO refused it", None: "no KATO to ask"}[took]
    return {
        "first node_id": first.node_id,
        "second node_id": third.node_id,
        "kb_id of both": first.kb_id,
        "a session of the second": sessions,
        "the second reads of the first": ", ".join(read[third]) or "nothing",
        "the first reads of the second": ", ".join(read[first]) or "nothing",
        "what this product says of the kb_id": ownership.kb(first.kb_id).state.value,
    }


def _read(cases: UseCases, snapshot: Snapshot, reader: Canary, writer: Canary) -> tuple[str, ...]:
    """Return the other's patterns and their secret, as they come into one tenant's hands."""
    usage = snapshot.tenant(reader.tenant)
    if usage is None:
        why = "the fleet's figures do not show what was written"
        raise StoreUnavailable("kato-tenants", "looking for the throwaway tenant", why)
    scope = cases.inspection.scope(snapshot, usage)
    page = cases.inspection.patterns(scope, PatternQuery((reader.kb_id,)))
    detail = cases.inspection.pattern(scope, reader.kb_id, writer.patterns[0])
    names = [f"pattern {name}" for name in found_in(page.rows, writer.patterns)]
    symbols = [f"symbol {text}" for text in found_in(detail, [writer.symbol])]
    return (*names, *symbols)


def _detail(created: CreatedSession | None, care: SessionCare) -> SessionDetail:
    if created is None:
        raise StoreNotConfigured("kato", "creating a session", "set KATO_API_URL")
    detail = care.inspect(KATO_PREFIX + created.session_id)
    if detail is None:
        raise StoreUnavailable("redis", "reading a session", "its record is not there")
    return detail


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _seconds(ttl: float | None) -> str:
    return "none" if ttl is None else f"{ttl:.1f} s"
