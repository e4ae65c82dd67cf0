"""What an import would come to, and whose a kb_id may be confirmed to be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from services.access.viewer import Role, TenantPattern, Viewer
from services.names.confirming import why_not
from services.names.judge import OUT_OF_SCOPE, judge
from services.names.models import Judged, Line, Preview, Refused, Verdict
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.names import Confirmation, Origin, Source
from services.tenancy.ownership import ClaimState, Ownership
from services.tenancy.schemes import NamingSchemes

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ADMIN = Viewer("ann", Role.ADMIN)
SCHEMES = NamingSchemes.of()
KB = "tenant_acme_corp_user_bob_kato"
CORP, CORP_ = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme_corp")


def owned(*nodes: str, words: dict[str, TenantKey] | None = None) -> Ownership:
    """Who owns what when these were seen now, and these kb_ids confirmed."""
    return Ownership(
        {node: Origin(NOW, Source.SESSION) for node in nodes}, schemes=SCHEMES,
        confirmed={
            kb_id: Confirmation(kb_id, tenant, "ann", NOW, "ticket 7")
            for kb_id, tenant in (words or {}).items()
        },
    )  # fmt: skip


def judged(*lines: Line | Refused, by: Ownership, viewer: Viewer = ADMIN) -> Preview:
    return judge(lines, by, viewer, now=NOW)


def told(preview: Preview) -> list[str]:
    return [line.verdict.value + (" earlier" if line.earlier else "") for line in preview.lines]


def test_each_class() -> None:
    """New, known, since an earlier time, shared with what is seen, conflicting, refused."""
    before, later = NOW - timedelta(days=9), NOW + timedelta(days=1)
    found = judged(
        Line(1, "tenant:new:user:x", "new"), Line(2, "tenant:old:user:x", "tenant/old"),
        Line(3, "tenant:old:user:x", since=before), Line(4, "tenant:acme_corp:user:bob"),
        Line(5, "tenant:other:user:x", "old"), Line(6, "tenant:n:user:x", since=later),
        Refused(7, "it is not JSON"), Line(8, "tenant:new:user:x", since=before),
        Line(9, "free text", "kb/free_text_kato"), Line(10, "free text 2", "tenant/acme"),
        by=owned("tenant:old:user:x", "tenant:acme-corp:user:bob"),
    )  # fmt: skip
    assert told(found) == [
        "new", "known", "known earlier", "shared", "conflicting", "refused", "refused",
        "known earlier", "new", "conflicting",
    ]  # fmt: skip
    assert found.lines[3].others == (CORP,)
    assert (found.taken, found.earlier, found.whole) == (5, 2, False)


def test_two_lines_of_one_file_may_share_a_kb_id() -> None:
    lines = (Line(1, "tenant:acme_corp:user:bob"), Line(2, "tenant:acme-corp:user:bob"))
    found = judged(*lines, by=owned())
    assert [line.others for line in found.lines] == [(CORP,), (CORP_,)]
    assert told(judged(lines[0], by=owned(words={KB: CORP}))) == ["shared"]


@given(st.lists(st.sampled_from([
    "tenant:acme:user:x", "tenant:zed:user:x", "tenant:acme_x:user:y", "tenant:acme-x:user:y", "n",
])), st.frozensets(st.sampled_from(["tenant:acme:user:x", "tenant:zed:user:x",
                                    "tenant:acme-x:user:y"])))  # fmt: skip
def test_of_others_a_confined_viewer_is_told_nothing(
    lines: list[str], seen: frozenset[str]
) -> None:
    """Not even whether a node_id of theirs is known: only what is his is judged at all."""
    mine = Viewer("bob", Role.ADMIN, frozenset({TenantPattern.parse("tenant/acme")}))
    found = judged(*(Line(n, node) for n, node in enumerate(lines)), by=owned(*seen), viewer=mine)
    for line in found.lines:
        if lines[line.number] == "tenant:acme:user:x":
            assert line.verdict in (Verdict.NEW, Verdict.KNOWN)
        else:
            assert line == Judged(line.number, Verdict.REFUSED, why=OUT_OF_SCOPE)
            assert not line.taken


def test_what_may_be_confirmed() -> None:
    """What a text alone says, for whom it may mean: never against what was seen."""
    can = [
        (CORP, KB, owned()), (CORP_, KB, owned()),
        (CORP, KB, owned("tenant:acme-corp:user:x", "tenant:acme_corp:user:x")),
        (TenantKey.of_kb("odd_kato"), "odd_kato", owned()),
    ]  # fmt: skip
    cannot = [
        (TenantKey("tenant", "zed"), KB, owned()), (TenantKey("user", "acme-corp"), KB, owned()),
        (CORP, KB, owned("tenant:acme-corp:user:bob")),
        (CORP, KB, owned("tenant:acme_corp:user:bob")),
        (CORP, KB, owned(words={KB: CORP})), (CORP_, KB, owned(words={KB: CORP})),
        (TenantKey("tenant", "zed"), "odd_kato", owned()),
    ]  # fmt: skip
    assert not [case[:2] for case in can if why_not(case[1], case[0], case[2])]
    assert not [case[:2] for case in cannot if not why_not(case[1], case[0], case[2])]


def test_a_word_stands_against_a_text() -> None:
    """The kb_id is the confirmed tenant's alone, with who said so; revoked, it is as before."""
    claim = owned(words={KB: CORP}).kb(KB)
    assert (claim.state, claim.tenants, claim.others, claim.alike) == (
        ClaimState.CONFIRMED, (CORP,), (), False,
    )  # fmt: skip
    assert claim.confirmation is not None
    assert (claim.confirmation.who, claim.confirmation.why) == ("ann", "ticket 7")
    assert owned().kb(KB).state is ClaimState.INFERRED


@pytest.mark.parametrize(
    ("seen", "state", "holders"),
    [
        (["tenant:acme-corp:user:bob"], ClaimState.KNOWN, {CORP}),
        (["tenant:acme_corp:user:bob"], ClaimState.SHARED, {CORP, CORP_}),
        (["tenant:acme_corp:user:bob", "tenant:acme-corp:user:bob"], ClaimState.SHARED,
         {CORP, CORP_}),
    ],
)  # fmt: skip
def test_what_is_seen_stands_against_a_word(
    seen: list[str], state: ClaimState, holders: set[TenantKey]
) -> None:
    """A node_id of another tenant makes it shared: no word gives one tenant's data to another."""
    claim = owned(*seen, words={KB: CORP}).kb(KB)
    assert (claim.state, set(claim.tenants)) == (state, holders)
    assert claim.confirmation is not None


@given(st.lists(st.sampled_from(["tenant:a-b:user:c", "tenant:a_b:user:c", "tenant:a:user:c"])),
       st.sampled_from([CORP, TenantKey("tenant", "a-b"), TenantKey("tenant", "a_b")]))  # fmt: skip
def test_no_word_takes_a_seen_tenant_out(nodes: list[str], tenant: TenantKey) -> None:
    """Whoever was seen on a kb_id holds it, whatever was confirmed."""
    kb_id = kb_id_of("tenant:a-b:user:c")
    by = owned(*nodes, words={kb_id: tenant})
    seen = {by.tenant_of(node) for node in by.nodes_by_kb.get(kb_id, ())}
    assert seen | {tenant} == set(by.kb(kb_id).tenants)


def test_a_claim_says_since_when_and_from_where() -> None:
    """By the first node_id that was seen on it."""
    nodes = {
        "tenant:a:user:x-y": Origin(NOW, Source.SESSION),
        "tenant:a:user:x_y": Origin(NOW - timedelta(days=1), Source.IMPORTED, "ann"),
    }
    claim = Ownership(nodes, schemes=SCHEMES).kb("tenant_a_user_x_y_kato")
    assert claim.origin == Origin(NOW - timedelta(days=1), Source.IMPORTED, "ann")
    assert owned().kb("tenant_a_user_x_y_kato").origin is None


@pytest.mark.parametrize(
    ("written", "source"),
    [("session", Source.SESSION), ("canary 0123/7", Source.CANARY), ("import", Source.IMPORTED),
     ("created here", Source.HERE), ("of tomorrow", Source.OTHER)],
)  # fmt: skip
def test_where_it_was_seen_is_read_from_the_records(written: str, source: Source) -> None:
    assert Source.of(written) is source
