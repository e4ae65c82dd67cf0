"""What a confined viewer sees of an audit, and of what Find answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from services.access.viewer import EVERYTHING, Role, Viewer
from services.errors import Fault, Problem, StoreUnavailable
from services.figures import Usage
from services.find.confined import confined_answer
from services.find.models import (
    CONCEALED,
    Answer,
    KeySight,
    Looked,
    Match,
    Place,
    Question,
    TenantHit,
)
from services.find.search import FindService
from services.instances.models import Instance, State
from services.instances.naming import name_of
from services.isolation.about import About, Fact, ShownTo, Value
from services.isolation.audit import judge
from services.isolation.confined import IN_SCOPE, confined_report, sees_finding
from services.isolation.models import (
    Acceptance,
    Deed,
    Finding,
    Record,
    Report,
    RuleState,
    RuleSummary,
    Seen,
)
from services.isolation.rules import RULES
from services.purge.confined import confined_tombstones
from services.purge.job import Tombstone
from services.tenancy.kb_ids import TenantKey, kb_id_of
from tests.unit.access.scopes_seen import (
    ALONE,
    DASH,
    DOT,
    SCHEMES,
    SHARED_KB,
    Made,
    cases,
    few,
    names_hidden,
    names_told,
    ownership_of,
    snapshot_of,
    viewer,
)
from tests.unit.isolation.fleets_seen import NOW, fleet


def seen_of(made: tuple[Made, ...]) -> Seen:
    """A fleet as the audit sees it, all of whose kb_ids were purged once, served by two KATOs."""
    ownership = ownership_of(made)
    stones = tuple(
        Tombstone(kb_id_of(node), str(each.tenant), "job", NOW - timedelta(days=1))
        for each in made
        for node in each.nodes
    )
    served = {
        each: tuple(
            Instance(name_of(each, taken), each, State.SERVING, "", "kato", "kato", NOW, str(each))
            for taken in ((), (name_of(each),))
        )
        for each in ownership.tenants
    }
    return Seen(snapshot_of(made, ownership), ownership, stones, served=served)


def report_of(seen: Seen) -> Report:
    """What the rules find, as it would be kept."""
    results = list(judge(RULES, seen, unread={}, absent=(), embedded=False))
    rules = [RuleSummary(r.rule.code, r.state, len(r.findings), r.reason) for r in results]
    records = [Record(found, NOW, NOW) for result in results for found in result.findings]
    return Report(NOW, 1.0, 50, tuple(rules), tuple(records))


# --- the audit --------------------------------------------------------------------------------


@few
@given(cases)
def test_no_finding_names_a_tenant_out_of_scope(case: tuple[tuple[Made, ...], Viewer]) -> None:
    """Neither in its words nor in its evidence, deeds or rules' reasons."""
    made, somebody = case
    seen = seen_of(made)
    found = confined_report(report_of(seen), somebody, seen.ownership)
    assert not names_told(found, names_hidden(made, somebody))
    assert found.score is None
    for record in found.records:
        assert somebody.sees_each(record.finding.tenants)
        assert sees_finding(record.finding, somebody, seen.ownership)


@few
@given(cases, st.integers(10, 99), st.integers(0, 5))
def test_what_others_have_changes_no_finding(
    case: tuple[tuple[Made, ...], Viewer], weight: int, sessions: int
) -> None:
    """However much tenants out of scope store, a confined viewer's report is the very same."""
    made, somebody = case
    other = tuple(
        each if somebody.sees(each.tenant) else replace(each, weight=weight, sessions=sessions)
        for each in made
    )
    reports = [
        confined_report(report_of(seen), somebody, seen.ownership)
        for seen in (seen_of(made), seen_of(other))
    ]
    assert reports[0] == reports[1]


@few
@given(cases)
def test_rules_count_what_is_visible(case: tuple[tuple[Made, ...], Viewer]) -> None:
    """One that found only what is not shown passes in the same words as one that found nothing."""
    made, somebody = case
    seen = seen_of(made)
    found = confined_report(report_of(seen), somebody, seen.ownership)
    for rule in found.rules:
        count = sum(record.finding.code == rule.code for record in found.records)
        assert rule.count == count
        if rule.state is not RuleState.UNKNOWN:
            assert rule.state is (RuleState.FOUND if count else RuleState.PASSED)
            assert rule.reason == (None if count else Problem(IN_SCOPE))


def test_tenants_that_look_alike_are_told_to_who_sees_them_all() -> None:
    seen = fleet("tenant:Acme:user:a", "tenant:acme:user:b")
    report = report_of(seen)
    for scope, told in (("tenant/acme",), False), (("tenant/acme", "tenant/Acme"), True):
        found = confined_report(report, viewer(*scope), seen.ownership).records
        assert ("collision.look-alike" in {each.finding.code for each in found}) is told


def test_whoever_sees_all_gets_the_very_report() -> None:
    seen = fleet(DASH, DOT, patterns={SHARED_KB: 1})
    report, everything = report_of(seen), Viewer("admin", Role.ADMIN, EVERYTHING)
    assert confined_report(report, everything, seen.ownership) is report
    assert confined_tombstones((), everything, seen.ownership) == ()


def test_a_collision_takes_scope_over_both() -> None:
    """Of two look-alikes on one kb_id, who sees one is told nothing of the other."""
    seen = fleet(DASH, DOT, patterns={SHARED_KB: 1}, keys={SHARED_KB: 1})
    report = report_of(seen)
    one = confined_report(report, viewer("tenant/acme-corp"), seen.ownership)
    both = confined_report(report, viewer("tenant/acme-corp", "tenant/acme.corp"), seen.ownership)
    assert "collision.shared-kb" not in {record.finding.code for record in one.records}
    assert "collision.shared-kb" in {record.finding.code for record in both.records}


def test_one_finding_for_many_takes_scope_over_them_all() -> None:
    """Above a hundred kb_ids with one defect there is one finding: of these, or of none."""
    nodes = [f"tenant:acme:user:u{at}" for at in range(101)]
    stored = {kb_id_of(node): 1 for node in nodes}
    mine = viewer("tenant/acme")
    for others, told in ((), True), (("tenant:zed:user:x",), False):
        more = {kb_id_of(node): 1 for node in others}
        seen = fleet(*nodes, *others, patterns={**stored, **more})
        found = confined_report(report_of(seen), mine, seen.ownership)
        assert ("orphan.rows" in {record.finding.code for record in found.records}) is told


def test_a_prefix_that_hits_more_than_is_named_is_not_shown() -> None:
    """Counts over names that are no part of the finding are left out of its evidence."""
    nodes = ["tenant:a:user:x", *(f"tenant:a_user:user:{c}" for c in "xy")]
    seen = fleet(*nodes, patterns={kb_id_of(node): 1 for node in nodes})
    report = report_of(seen)
    both = confined_report(report, viewer("tenant/a", "tenant/a_user"), seen.ownership)
    glob = next(r.finding for r in both.records if r.finding.code == "prefix.glob")
    assert "hit by LIKE" not in glob.evidence
    more = replace(
        glob, evidence={**glob.evidence, "number of tenants hit": Fact(12, About.TENANTS_COUNTED)}
    )
    assert not sees_finding(more, viewer("tenant/*"), seen.ownership)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Fact((ALONE,), About.NODES), True),
        (Fact((DASH,), About.NODES), False),  # its kb_id is another's too
        (Fact((SHARED_KB,), About.KBS), False),
        (Fact(("tenant/zed",), About.TENANTS), False),
        (Fact(("nonsense",), About.TENANTS), False),
        (Fact(("tenant:zed:",), About.NAMES), False),
        (Fact(("tenant:acme-corp:",), About.NAMES), True),
        (Fact(("kato_tenant_zed",), About.COLLECTIONS), False),
        (Fact(("zed",), About.TENANT_IDS), False),
        (Fact(("acme-corp",), About.TENANT_IDS), True),
        (Fact("tenant/acme-corp", About.TENANTS), True),
        (Fact("the user bob of tenant/acme-corp", About.TENANTS), False),  # or of all, named so
        (Fact("the user bob", About.TENANTS), False),
        (Fact("tenant/zed", About.TENANTS), False),
        (("anything",), False),  # it does not say whom it is about
        (12, False),
        (Fact(12, About.KBS_COUNTED), False),
        (Fact(1, About.KBS_COUNTED), True),
        (Fact(1, About.TENANTS_COUNTED), False),
        (Fact(0, About.TENANTS_COUNTED), True),
        (Fact(12, About.THESE), True),
        (Fact(12, About.OTHERS), True),  # and left out
    ],
)
def test_evidence_is_looked_through(said: Value | Fact, told: bool) -> None:
    """A finding of a tenant in scope is not shown when its evidence may name another."""
    ownership = fleet(DASH, DOT, ALONE).ownership
    mine = (TenantKey("tenant", "acme-corp"),)
    found = Finding(
        "orphan.keys", "x", RULES[0].severity, "what", mine, (kb_id_of(ALONE),), {"seen": said}
    )
    assert sees_finding(found, viewer("tenant/acme-corp"), ownership) is told


@pytest.mark.parametrize(
    ("code", "tenants", "kb_id", "told"),
    [
        ("orphan.keys", ("acme-corp",), kb_id_of(ALONE), True),
        ("orphan.keys", ("acme-corp",), SHARED_KB, False),
        ("orphan.keys", ("acme-corp", "zed"), kb_id_of(ALONE), False),
        ("orphan.keys", (), kb_id_of(ALONE), False),
        ("orphan.sessions", ("acme-corp",), kb_id_of(ALONE), False),
        ("a rule to come", ("acme-corp",), kb_id_of(ALONE), False),
    ],
)
def test_a_finding_takes_scope_over_all_its_claimants(
    code: str, tenants: tuple[str, ...], kb_id: str, told: bool
) -> None:
    """Its tenants, and whoever holds its kb_ids; rules about everyone are for who sees all."""
    ownership = fleet(DASH, DOT, ALONE).ownership
    holders = tuple(TenantKey("tenant", name) for name in tenants)
    found = Finding(code, "x", RULES[0].severity, "what", holders, (kb_id,))
    assert sees_finding(found, viewer("tenant/acme-corp"), ownership) is told
    assert sees_finding(found, Viewer("admin", Role.ADMIN, EVERYTHING), ownership)


def test_what_somebody_wrote_is_not_shown() -> None:
    """The reason of an acceptance is free to name others; that it is accepted stays."""
    seen = fleet(ALONE, patterns={kb_id_of(ALONE): 1})
    report = report_of(seen)
    known = Acceptance("admin", "as with tenant/zed", NOW)
    accepted = replace(report, records=tuple(replace(r, acceptance=known) for r in report.records))
    found = confined_report(accepted, viewer("tenant/acme-corp"), seen.ownership)
    assert found.records
    assert {record.acceptance for record in found.records} == {Acceptance("admin", "", NOW)}


@few
@given(cases)
def test_a_rule_for_tenants_says_of_all_its_evidence_whom_it_is_about(
    case: tuple[tuple[Made, ...], Viewer],
) -> None:
    """One that does not is shown to nobody who is confined, whatever it finds."""
    shown = {rule.code for rule in RULES if rule.shown_to is ShownTo.TENANTS}
    for record in report_of(seen_of(case[0])).records:
        if record.finding.code in shown:
            assert all(isinstance(said, Fact) for said in record.finding.evidence.values())


def test_tombstones_of_others_are_not_shown() -> None:
    ownership = fleet(DASH, DOT, ALONE).ownership
    alone = kb_id_of(ALONE)
    stones = (
        Tombstone(alone, "tenant/acme-corp", "1", NOW),
        Tombstone(alone, "the user eve of tenant/acme-corp", "2", NOW),
        Tombstone(alone, "the user eve", "3", NOW),
        Tombstone(SHARED_KB, "tenant/acme-corp", "4", NOW),
        Tombstone("tenant_zed_user_x_kato", "tenant/zed", "5", NOW),
    )
    seen = confined_tombstones(stones, viewer("tenant/acme-corp"), ownership)
    assert [stone.job_id for stone in seen] == ["1"]


# --- Find -------------------------------------------------------------------------------------


class Stores:
    """A ClickHouse in which each kb_id has the pattern, and a Redis that has every key."""

    def __init__(self, kb_ids: Iterable[str]) -> None:
        self._kb_ids = tuple(kb_ids)

    def holders(self, names: Sequence[str]) -> dict[str, int]:
        return dict.fromkeys(self._kb_ids, 1)

    def peek(self, keys: Sequence[bytes]) -> tuple[KeySight, ...]:
        return tuple(KeySight(key, "string", None) for key in keys)


def ask(made: tuple[Made, ...], typed: str, *, contains: bool = False) -> Answer:
    ownership = ownership_of(made)
    stores = Stores(kb_id_of(node) for each in made for node in each.nodes)
    service = FindService(
        patterns=stores, keys=stores, ownership=lambda: ownership, schemes=SCHEMES,
        shared_collections=frozenset({"kato_vectors"}),
    )  # fmt: skip
    return service.find(typed, snapshot_of(made, ownership), contains=contains)


TYPED = ("f", "corp", "a" * 40, "kato_vectors", "usraxwk", "session", "tenant/famaqz-corp")


@few
@given(cases, st.sampled_from(TYPED), st.booleans())
def test_nothing_found_names_a_tenant_out_of_scope(
    case: tuple[tuple[Made, ...], Viewer], typed: str, contains: bool
) -> None:
    """Whatever is typed: users, patterns, collections, parts of names."""
    made, somebody = case
    ownership = ownership_of(made)
    answer = confined_answer(ask(made, typed, contains=contains), somebody, ownership)
    unsaid = {name for name in names_hidden(made, somebody) if name not in typed}  # by who asks
    assert not names_told(answer, unsaid)
    assert all(somebody.sees(hit.tenant) for hit in answer.hits)
    assert (answer.nobodys, answer.illegible) == ((), 0)


@few
@given(cases, st.data())
def test_another_tenants_name_is_answered_as_one_that_is_not_there(
    case: tuple[tuple[Made, ...], Viewer], data: st.DataObject
) -> None:
    """Asked for a name of a family of which nobody is in scope, Find has nothing to say."""
    made, somebody = case
    families = {each.nodes[0].partition("qz")[0][-1] for each in made if somebody.sees(each.tenant)}
    strange = [each for each in made if each.nodes[0].partition("qz")[0][-1] not in families]
    if strange:
        node = data.draw(st.sampled_from([node for each in strange for node in each.nodes]))
        for typed in (node, kb_id_of(node), f"vectors_{kb_id_of(node)}", f"{node} 0"):
            answer = confined_answer(ask(made, typed), somebody, ownership_of(made))
            assert answer.hits == ()


def test_a_session_on_a_shared_kb_id_is_found_without_its_place() -> None:
    """It is the tenant's own; what the kb_id holds is not, so the figures are unknown."""
    mine = Made(TenantKey("tenant", "acme-corp"), (DASH,), 5, 1, 0)
    other = Made(TenantKey("tenant", "acme.corp"), (DOT,), 7, 1, 0)
    made = (mine, other)
    for typed in (DASH, f"{DASH} 0"):
        answer = confined_answer(ask(made, typed), viewer("tenant/acme-corp"), ownership_of(made))
        (hit,) = answer.hits
        (match,) = [match for match in hit.matches if match.found == typed]
        assert (match.place, match.how) == (None, CONCEALED)
        assert (hit.places, hit.shared, hit.usage.patterns) == ((), (), None)
    pattern = confined_answer(ask(made, "a" * 40), viewer("tenant/acme-corp"), ownership_of(made))
    assert pattern.hits == ()


def test_a_name_that_may_be_anothers_is_not_found() -> None:
    """One that reads two ways takes scope over both; what is nobody's, over everything."""
    two_ways = Made(TenantKey("tenant", "a"), ("tenant:a:user:b:user:c",), 5, 1, 0)
    ownership = ownership_of((two_ways,))
    for typed in (*two_ways.nodes, f"{two_ways.nodes[0]} 0"):
        answer = ask((two_ways,), typed)
        assert confined_answer(answer, viewer("tenant/a"), ownership).hits == ()
        assert confined_answer(answer, viewer("tenant/a", "tenant/a:user:b"), ownership).hits
    nobodys = replace(answer, nobodys=answer.matches)
    assert confined_answer(nobodys, viewer("tenant/a"), ownership).nobodys == ()


def test_what_could_not_be_looked_at_stays() -> None:
    """Which store, since when, and no count of the fleet or name in the reason."""
    looked = (
        Looked("Own records", "node_ids ever seen", count=1_234),
        Looked(
            "Redis",
            "a key of this name",
            StoreUnavailable("redis", "peek at tenant:zed:x", "slow").problem,
            NOW,
        ),
    )
    answer = Answer(Question("x", ("x",)), looked=looked, illegible=4)
    seen = confined_answer(answer, viewer("tenant/a"), fleet().ownership)
    assert seen.looked == (
        Looked("Own records", "node_ids ever seen"),
        Looked(
            "Redis",
            "a key of this name",
            Problem(store="redis", fault=Fault.UNAVAILABLE),
            NOW,
        ),
    )
    assert len(seen.unknown) == 1
    everything = Viewer("admin", Role.ADMIN, EVERYTHING)
    assert confined_answer(answer, everything, fleet().ownership) is answer


# --- nothing is forgotten ---------------------------------------------------------------------

DONE: dict[type, dict[str, str]] = {
    Report: {
        "at": "kept", "seconds": "kept", "score": "dropped", "rules": "confined",
        "records": "of visible findings",
    },
    RuleSummary: {
        "code": "of tenants only", "state": "by what is visible", "count": "by what is visible",
        "reason": "which store did what",
    },
    Record: {
        "finding": "visible", "first_seen": "kept", "last_seen": "kept", "resolved_at": "kept",
        "acceptance": "without its reason", "looked": "kept",
    },
    Acceptance: {"by": "kept", "why": "dropped", "at": "kept", "until": "kept"},
    Finding: {
        "code": "of tenants only", "subject": "kept: evidence and kb_ids are checked",
        "severity": "kept", "what": "as subject", "tenants": "in scope",
        "kb_ids": "every claimant in scope", "evidence": "every word is checked",
        "remedy": "kept", "deeds": "about tenants and kb_ids, which are checked",
    },
    Deed: {"kind": "kept", "about": "a tenant or kb_id of the finding"},
    Tombstone: dict.fromkeys(["kb_id", "tenant", "job_id", "erased_at"], "where both are visible"),
    Answer: {
        "question": "what the viewer typed", "hits": "in scope", "nobodys": "dropped",
        "looked": "confined", "illegible": "zero",
    },
    Question: dict.fromkeys(["typed", "texts", "words", "contains"], "what the viewer typed"),
    TenantHit: {
        "tenant": "in scope", "state": "kept", "matches": "confined", "places": "visible",
        "shared": "visible", "usage": "unknown where a place is not visible",
        "at": "of visible places",
    },
    Match: {
        "what": "kept", "found": "of a visible place, or own", "certainty": "kept",
        "tenant": "in scope", "place": "visible or None", "state": "shared where concealed",
        "how": "a constant where concealed", "others": "in scope",
    },
    Place: {"name": "visible", "is_kb": "kept"},
    Looked: {
        "store": "kept", "what": "kept", "reason": "which store did what", "at": "kept",
        "absent": "kept", "count": "dropped",
    },
    Usage: dict.fromkeys(
        ["patterns", "keys", "vectors", "sessions", "keys_by_kind", "predictions"], "whole"
    ),
}  # fmt: skip
"""What is done with each field. A new one has to be confined before it is added here."""


@pytest.mark.parametrize("kind", DONE, ids=lambda kind: kind.__name__)
def test_every_field_is_thought_of(kind: type) -> None:
    """A field that is added to a model fails here until its confinement is decided."""
    assert {each.name for each in fields(kind)} == set(DONE[kind])
