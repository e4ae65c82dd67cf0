"""Prefixes: what a LIKE or glob written elsewhere for one tenant would hit of others."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, strategies as st

from services.figures import Amount, Measure
from services.isolation.about import plain
from services.isolation.models import CannotTell, Finding, Seen
from services.isolation.rules.prefix import RULES
from services.isolation.severity import Severity
from services.isolation.wildcards import Names, glob_of, like_of
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import Owner, OwnerKind
from services.usage.readings import KeyGroup
from tests.unit.isolation.fleets_seen import fleet

texts = st.text("ab_", max_size=7)


def found(code: str, seen: Seen) -> list[Finding]:
    rule = next(rule for rule in RULES if rule.code == f"prefix.{code}")
    findings = list(rule.find(seen))
    assert all(f.code == rule.code and f.severity is rule.severity for f in findings)
    assert len({f.subject for f in findings}) == len(findings)
    return findings


def of(*nodes: str) -> Seen:
    return fleet(*nodes, patterns={kb_id_of(node): 1 for node in nodes})


def guide_keys(*tenants: str) -> list[KeyGroup]:
    return [KeyGroup(Owner(OwnerKind.TENANT, t), "session", Amount(2, 20)) for t in tenants]


def test_a_prefix_that_begins_others_names() -> None:
    """`tenant_acme_*` was meant for acme, and acme-corp is hit too."""
    seen = of("tenant:acme:user:dana", "tenant:acme-corp:user:bob", "tenant:acme-corp:user:al")
    (finding,) = found("glob", seen)
    assert finding.subject == "tenant/acme"
    assert finding.severity is Severity.MEDIUM
    assert finding.tenants == (TenantKey("tenant", "acme"), TenantKey("tenant", "acme-corp"))
    hit = ("tenant_acme_corp_user_al_kato", "tenant_acme_corp_user_bob_kato")
    assert finding.kb_ids == hit
    assert plain(finding.evidence) == {
        "LIKE": ("tenant_acme_%",), "glob": ("tenant_acme_*",),
        "hit by LIKE": 2, "hit by glob": 2,
        "number of tenants hit": 1, "tenants hit": ("tenant/acme-corp",), "names hit": hit,
    }  # fmt: skip
    assert finding.what == (
        "The prefix tenant_acme_* also matches 2 names of tenant/acme-corp, besides those of "
        "tenant/acme."
    )
    assert found("like", seen) == []


def test_an_underscore_that_is_any_character() -> None:
    """`tenant_1_%` looks exact, and matches tenant 10's rows."""
    seen = of("tenant:1:user:a", "tenant:10:user:a", "tenant:2:user:a")
    (finding,) = found("like", seen)
    assert finding.subject == "tenant/1"
    assert finding.severity is Severity.LOW
    assert finding.kb_ids == ("tenant_10_user_a_kato",)
    assert plain(finding.evidence)["LIKE"] == ("tenant_1_%",)
    assert (plain(finding.evidence)["hit by LIKE"], plain(finding.evidence)["hit by glob"]) == (
        1,
        0,
    )
    assert finding.what == (
        "LIKE 'tenant_1_%' also matches 1 name of tenant/10, besides those of tenant/1, as its _ "
        "stands for other text."
    )
    assert found("glob", seen) == []


def test_names_that_no_prefix_confuses() -> None:
    """None begins another or matches its LIKE; a kb_id that is shared is no other's."""
    apart = of("tenant:acme:user:a", "tenant:globex:user:b", "org:acme:dept:x:user:y", "user:zed")
    shared = of("tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob")
    for seen in (apart, shared, fleet()):
        assert found("glob", seen) == found("like", seen) == []


def test_tenants_that_kato_writes_alike_hit_each_other() -> None:
    seen = of("tenant:acme-corp:user:a", "tenant:acme_corp:user:b")
    assert [f.subject for f in found("glob", seen)] == ["tenant/acme-corp", "tenant/acme_corp"]


def test_a_class_in_a_kb_id_is_a_glob_for_others() -> None:
    """KATO keeps `[` and `]`: the glob of `a[bc]` hits `ab`, and not its own."""
    (finding,) = found("glob", of("tenant:a[bc]:user:x", "tenant:ab:user:x"))
    assert finding.subject == "tenant/a[bc]"
    assert finding.kb_ids == ("tenant_ab_user_x_kato",)
    assert plain(finding.evidence)["glob"] == ("tenant_a[bc]_*",)


def test_a_per_cent_sign_in_an_id_is_any_text_in_a_like() -> None:
    (finding,) = found("like", of("tenant:50%:user:x", "tenant:50-or-so:user:x"))
    assert finding.subject == "tenant/50%"
    assert finding.kb_ids == ("tenant_50_or_so_user_x_kato",)


def test_a_glob_sign_in_the_guides_layout() -> None:
    """`tenant:*:*` is one tenant's own prefix, and everyone's."""
    seen = fleet(groups=guide_keys("*", "acme", "b"))
    (finding,) = found("glob", seen)
    assert finding.subject == "tenant/*"
    assert plain(finding.evidence)["glob"] == ("tenant:*:*",)
    assert plain(finding.evidence)["names hit"] == ("tenant:acme:", "tenant:b:")
    assert plain(finding.evidence)["hit by LIKE"] == 0
    assert finding.kb_ids == ()
    assert finding.what.startswith("The prefix tenant:*:* also matches 2 names of")
    assert found("like", seen) == []
    assert found("glob", fleet(groups=guide_keys("acme", "acme-corp", "a"))) == []


def test_raw_kb_ids_end_with_a_colon() -> None:
    """In the guide layout the colon keeps acme from acme-corp, if not the underscore."""
    seen = fleet(patterns={"tenant:acme:user:a": 1, "tenant:acme-corp:user:a": 1,
                           "tenant:a_c:user:a": 1, "tenant:abc:user:a": 1})  # fmt: skip
    assert found("glob", seen) == []
    (finding,) = found("like", seen)
    assert plain(finding.evidence)["LIKE"] == ("tenant:a_c:%",)
    assert finding.kb_ids == ("tenant:abc:user:a",)


def test_names_that_could_not_be_read_are_not_passed_over() -> None:
    with pytest.raises(CannotTell):
        found("glob", fleet(unread=[Measure.PATTERNS]))


@given(st.lists(texts, max_size=100), texts)
def test_the_search_finds_what_the_like_matches(names: list[str], beginning: str) -> None:
    """Following the sorted names is as good as trying each."""
    matches = like_of(beginning + "%").fullmatch
    found = list(Names(names).like(beginning))
    assert sorted(found) == sorted({name for name in names if matches(name)})
    assert list(Names(names).beginning(beginning)) == sorted(
        {name for name in names if name.startswith(beginning)}
    )


@given(
    st.lists(st.text("ab_%\\[é\udcff\U0010ffff", max_size=6), max_size=30),
    st.text("ab_%\\[]*?^-é\udcff\U0010ffff", max_size=6),
)
def test_odd_signs_are_matched_too(names: list[str], beginning: str) -> None:
    """The search narrows down, and then tries each."""
    like, glob = like_of(beginning + "%").fullmatch, glob_of(beginning + "*").fullmatch
    assert sorted(Names(names).like(beginning)) == sorted({n for n in names if like(n)})
    expected = {n for n in names if glob(n.encode("utf-8", "surrogateescape"))}
    assert sorted(Names(names).glob(beginning)) == sorted(expected)


@pytest.mark.parametrize(
    ("glob", "hits", "misses"),
    [
        ("a*c", ["ac", "abbc", "acc"], ["a", "acd"]),
        ("a?c", ["abc"], ["ac", "aéc"]),  # é is two bytes
        ("a[b-d]", ["ac"], ["ae", "a-"]),
        ("a[^b]", ["ac"], ["ab", "a"]),
        ("a[d-b]", ["ac"], ["aa"]),
        ("a[^]", ["ax"], ["a"]),
        ("a[]", [], ["a", "a]"]),
        (r"a\*", ["a*"], ["ab"]),
        (r"[\]]", ["]"], ["\\"]),
    ],
)
def test_globs_are_read_as_redis_does(glob: str, hits: list[str], misses: list[str]) -> None:
    matches = glob_of(glob).fullmatch
    assert all(matches(text.encode()) for text in hits)
    assert not any(matches(text.encode()) for text in misses)


def test_an_id_full_of_wildcards_takes_no_longer() -> None:
    """No id can keep the audit busy."""
    names = Names(f"tenant_{number:040}" for number in range(5000))
    started = time.thread_time()  # of the processor, however busy the machine is
    assert len(list(names.like("tenant" + "_" * 40))) == 5000
    assert not glob_of("*a" * 40 + "b").fullmatch(b"a" * 200)
    assert not like_of("%a" * 40 + "b").fullmatch("a" * 200)
    assert time.thread_time() - started < 1


def test_a_large_fleet_is_quick() -> None:
    """Far less than every tenant against every kb_id."""
    seen = of(*(f"tenant:{i}:user:{j}" for i in range(1000) for j in range(5)))
    assert len(list(seen.snapshot.tenants)) == 1000  # each is made when it is first looked at
    started = time.thread_time()  # of the processor, however busy the machine is
    hits = found("like", seen)
    assert time.thread_time() - started < 1  # 0.1 s where it was written
    assert len(hits) == 99
